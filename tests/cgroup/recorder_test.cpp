#include "cgroup/recorder.h"

#include <poll.h>

#include <cstdlib>
#include <new>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/support/fake_cgroup.h"

namespace {
std::size_t allocations = 0;  // calls of operator new in this program
}

// Counting replacements for the whole test program: what sample() promises is that it asks for no memory.
[[gnu::noinline]] void* operator new(std::size_t size) {
  ++allocations;
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
    return memory;
  }
  std::abort();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

namespace {

using namespace std::chrono_literals;
using cgroup::Recorder;
using support::FakeCgroup;
using support::must;

// A clock that the tests turn. It stands still while a sample is taken, so no file costs anything and all are always
// due.
std::chrono::nanoseconds fake_time{0};
std::chrono::nanoseconds fake_now() {
  return fake_time;
}

// A clock that moves by 100 us with each look at it: reading memory.stat or memory.pressure (between two looks) costs
// that much.
std::chrono::nanoseconds slow_now() {
  return fake_time += 100us;
}

std::string events(unsigned max, unsigned oom_kill) {
  return fmt::format("low 0\nhigh 0\nmax {}\noom {}\noom_kill {}\noom_group_kill 0\n", max, oom_kill, oom_kill);
}

FakeCgroup full() {
  return {{"memory.current", "4096\n"},
          {"memory.swap.current", "8192\n"},
          {"memory.stat", "anon 1000\nfile 200\nkernel 30\nkernel_stack 5\nfile_mapped 7\nshmem 4\nanon_thp 9\n"},
          {"memory.pressure",
           "some avg10=0.00 avg60=0.00 avg300=0.00 total=17\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=11\n"},
          {"memory.events", events(0, 0)}};
}

bool is_readable(int fd) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) == 1;
}

TEST(Recorder, SamplesEveryFile) {
  fake_time = 1s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  fake_time += 5ms;
  recorder.sample();
  const auto samples = recorder.samples();
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].t, 5ms);
  EXPECT_EQ(samples[0].memory, 4096U);
  EXPECT_EQ(samples[0].swap, 8192U);
  EXPECT_EQ(samples[0].anon, 1000U);
  EXPECT_EQ(samples[0].file, 200U);
  EXPECT_EQ(samples[0].shmem, 4U);
  EXPECT_EQ(samples[0].kernel, 30U);
  EXPECT_EQ(samples[0].psi_some, 17us);
  EXPECT_EQ(samples[0].psi_full, 11us);
}

TEST(Recorder, MissingFilesAreNothing) {
  const FakeCgroup fake{
      {"memory.current", "4096\n"}, {"memory.stat", "anon 1\n"}, {"memory.pressure", "some avg10=0.00 total="}};
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  recorder.sample();
  EXPECT_FALSE(recorder.on_event());
  EXPECT_FALSE(is_readable(recorder.event_fd()));
  const auto samples = recorder.samples();
  ASSERT_EQ(samples.size(), 2U);
  EXPECT_EQ(samples[0].swap, std::nullopt);
  EXPECT_EQ(samples[0].file, std::nullopt);
  EXPECT_EQ(samples[0].kernel, std::nullopt);
  EXPECT_EQ(samples[0].psi_some, std::nullopt);
  EXPECT_EQ(recorder.events(), cgroup::MemoryEvents{});
}

TEST(Recorder, NeedsTheMemoryController) {
  const FakeCgroup fake{{"cgroup.procs", ""}};
  const auto recorder = Recorder::create(fake.dir());
  ASSERT_FALSE(recorder);
  EXPECT_EQ(recorder.error().kind, base::ErrorKind::unsupported);
  EXPECT_EQ(recorder.error().message,
            (fake.path() / "memory.current").native() + ": not there, so this cgroup has no memory controller");
}

TEST(Recorder, AllocatesNothingWhileItSamples) {
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 64));
  const auto before = allocations;
  for (int i = 0; i < 1000; ++i) {
    recorder.sample();
    (void)recorder.on_event();
  }
  EXPECT_EQ(allocations, before);
  (void)recorder.samples();
  EXPECT_GT(allocations, before) << "the counter counts";
}

TEST(Recorder, ReadsTheStatWithinItsShareOfTime) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 4096, slow_now));
  for (int i = 0; i < 1000; ++i) {
    fake_time += 800us;  // with the look at the clock about 1 kHz
    recorder.sample();
  }
  const auto samples = recorder.samples();
  const auto with_stat = std::ranges::count_if(samples, [](const auto& sample) { return sample.anon.has_value(); });
  EXPECT_EQ(samples.size(), 1000U);
  EXPECT_GE(with_stat, 40);
  EXPECT_LE(with_stat, 56) << "a stat of 0.1 ms each 20 ms is 0.5 %; the clock itself moves on at each look";
  EXPECT_TRUE(samples.front().anon.has_value());
}

TEST(Recorder, ReadsTheStatWheneverTheMemoryHasGrown) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 4096, slow_now));
  for (int percent = 100; percent <= 200; ++percent) {
    fake.write("memory.current", fmt::format("{}\n", percent * 1000));
    fake.write("memory.stat", fmt::format("anon {}\n", percent));
    recorder.sample();
  }
  EXPECT_GE(cgroup::find(recorder.stat_at_peak(), "anon").value_or(0), 188U);
  const auto samples = recorder.samples();
  EXPECT_LE(std::ranges::count_if(samples, [](const auto& sample) { return sample.anon.has_value(); }), 15);
}

TEST(Recorder, KeepsTheStatOfThePeak) {
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  fake.write("memory.current", "9000\n");
  fake.write("memory.stat", "anon 8888\nnew_counter 3\n");
  recorder.sample();
  fake.write("memory.current", "100\n");
  fake.write("memory.stat", "anon 1\n");
  recorder.sample();
  (void)recorder.on_event();
  EXPECT_EQ(recorder.stat_at_peak(), (cgroup::Counters{{"anon", 8888}, {"new_counter", 3}}));
}

TEST(Recorder, AtTheLimitTheNewestStatCounts) {
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  const auto record = [&](const char* memory, const char* stat) {
    fake.write("memory.current", memory);
    fake.write("memory.stat", stat);
    recorder.sample();
    return cgroup::find(recorder.stat_at_peak(), "anon");
  };
  EXPECT_EQ(record("64000\n", "anon 10000\nfile 54000\n"), 10000U);
  EXPECT_EQ(record("63500\n", "anon 50000\nfile 13000\n"), 50000U) << "what filled the limit changed";
  EXPECT_EQ(record("64000\n", "anon 2000\nfile 13000\n"), 50000U) << "a kill is under way";
  EXPECT_EQ(record("62000\n", "anon 62000\nfile 0\n"), 50000U) << "not at the limit any more";
}

TEST(Recorder, PageTablesOnTheirWayOutAreNotThePeak) {
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  const auto record = [&](const char* stat) {
    fake.write("memory.current", "64000\n");
    fake.write("memory.stat", stat);
    recorder.sample();
    return cgroup::find(recorder.stat_at_peak(), "pagetables");
  };
  EXPECT_EQ(record("anon 400\nfile 0\nkernel 63600\npagetables 62000\n"), 62000U);
  EXPECT_EQ(record("anon 400\nfile 0\nkernel 63600\npagetables 100\n"), 62000U);
}

TEST(Recorder, WakesWhenEventsChangeAndTellsKills) {
  const auto fake = full();
  fake.write("memory.events", events(3, 2));  // kills from before are not news
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  EXPECT_FALSE(is_readable(recorder.event_fd()));
  fake.write("memory.events", events(5, 2));
  EXPECT_TRUE(is_readable(recorder.event_fd()));
  EXPECT_FALSE(recorder.on_event());
  EXPECT_FALSE(is_readable(recorder.event_fd())) << "drained";
  fake.write("memory.events", events(6, 3));
  EXPECT_TRUE(is_readable(recorder.event_fd()));
  EXPECT_TRUE(recorder.on_event());
  EXPECT_FALSE(recorder.on_event()) << "told once";
  EXPECT_EQ(recorder.events().max, 6U);
  EXPECT_EQ(recorder.events().oom_kill, 3U);
}

TEST(Recorder, ThinsOutEvenly) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  for (int i = 0; i < 1000; ++i) {
    fake.write("memory.current", fmt::format("{}\n", i));
    recorder.sample();
    fake_time += 1ms;
  }
  const auto samples = recorder.samples();
  EXPECT_LE(samples.size(), 17U);
  EXPECT_GE(samples.size(), 8U);
  EXPECT_EQ(samples.front().t, 0ms);
  EXPECT_EQ(samples.back().t, 999ms);
  EXPECT_EQ(samples.back().memory, 999U);
  auto longest = 0ns;
  for (std::size_t i = 1; i < samples.size(); ++i) {
    EXPECT_LT(samples[i - 1].t, samples[i].t);
    longest = std::max(longest, samples[i].t - samples[i - 1].t);
  }
  EXPECT_LE(longest, 200ms) << "the whole run is covered";
  EXPECT_EQ(recorder.interval_factor(), 64U);
}

TEST(Recorder, ACallerThatSlowsDownLosesNothing) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  unsigned taken_since = 0;
  for (unsigned factor = 1; factor < 64;) {
    fake_time += 1ms * recorder.interval_factor();
    recorder.sample();
    ++taken_since;
    if (recorder.interval_factor() != factor) {
      EXPECT_GE(taken_since, 8U) << "each sample counts until the ring is full again";
      EXPECT_LE(taken_since, 16U + 1U);
      factor = recorder.interval_factor();
      taken_since = 0;
    }
  }
}

TEST(Recorder, NeverLosesAnEvent) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  std::vector<std::chrono::nanoseconds> wanted;
  for (unsigned i = 0; i < 2000; ++i) {
    fake_time += 1ms;
    if (i % 300 == 7) {
      fake.write("memory.events", events(i, i));
      EXPECT_TRUE(recorder.on_event());
      wanted.push_back(fake_time);
    } else {
      recorder.sample();
    }
  }
  std::vector<std::chrono::nanoseconds> times;
  for (const auto& sample : recorder.samples()) {
    times.push_back(sample.t);
  }
  EXPECT_THAT(times, ::testing::IsSupersetOf(wanted));
}

TEST(Recorder, AFloodOfEventsLeavesTheKills) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  for (unsigned i = 1; i <= 1000; ++i) {
    fake_time += 10ms;
    fake.write("memory.events", events(i, i >= 500 ? 1 : 0));
    EXPECT_EQ(recorder.on_event(), i == 500);
  }
  const auto samples = recorder.samples();
  EXPECT_LE(samples.size(), 17U);
  EXPECT_TRUE(std::ranges::any_of(samples, [](const auto& sample) { return sample.t == 5000ms; }));
  EXPECT_EQ(samples.back().t, 10000ms);
}

TEST(Recorder, AFloodOfKillsIsBoundedToo) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  for (unsigned i = 1; i <= 1000; ++i) {
    fake_time += 10ms;
    fake.write("memory.events", events(i, i));
    EXPECT_TRUE(recorder.on_event());
  }
  EXPECT_LE(recorder.samples().size(), 17U);
  EXPECT_EQ(recorder.samples().back().t, 10000ms);
}

TEST(Recorder, ThinningKeepsPartsThatOnlySomeRowsHold) {
  fake_time = 0s;
  const auto fake = full();
  auto recorder = must(Recorder::create(fake.dir(), 64, slow_now));
  for (int i = 0; i < 3000; ++i) {
    fake_time += 900us;
    recorder.sample();
  }
  const auto samples = recorder.samples();
  const auto with_stat = std::ranges::count_if(samples, [](const auto& sample) { return sample.anon.has_value(); });
  EXPECT_GE(with_stat, static_cast<std::ptrdiff_t>(samples.size() / 2));
}

TEST(Recorder, MovesWithItsDescriptors) {
  const auto fake = full();
  auto first = must(Recorder::create(fake.dir(), 16, fake_now));
  first.sample();
  auto second = std::move(first);
  second.sample();
  EXPECT_EQ(second.samples().size(), 2U);
}

TEST(Recorder, CutsAStatThatIsTooLongAtALine) {
  const auto fake = full();
  std::string stat = "anon 5\n";
  for (int i = 0; i < 3000; ++i) {
    stat += fmt::format("counter_{} {}\n", i, i);
  }
  fake.write("memory.stat", stat);
  auto recorder = must(Recorder::create(fake.dir(), 16, fake_now));
  recorder.sample();
  const auto counters = recorder.stat_at_peak();
  EXPECT_GT(counters.size(), 500U);
  EXPECT_EQ(counters.front().second, 5U);
}

}  // namespace

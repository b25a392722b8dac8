#include "stress/drive.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stress/growth.h"
#include "stress/pause.h"

namespace stress {
namespace {

constexpr std::uint64_t kMib = 1ULL << 20;
constexpr std::uint64_t kPage = 4096;

// A pool of numbers, and what a kernel would count of it.
class FakePool : public Pool {
 public:
  std::uint64_t unit_bytes = kPage;
  double cost = 1;  // counted bytes per own byte
  bool exact = true, reclaimable = false, shrinks = true;
  std::uint64_t counted_at_most = UINT64_MAX;
  std::uint64_t counted_before = 0;  // by others
  std::vector<std::uint64_t> grown, shrunk;
  int fails_at_call = -1;
  std::chrono::milliseconds delay{0};  // of each addition
  std::vector<std::uint64_t> levels;   // after each change

  // The levels at which the direction changed, and the last, in MiB.
  [[nodiscard]] std::vector<std::uint64_t> turns() const {
    std::vector<std::uint64_t> found;
    for (std::size_t i = 0; i < levels.size(); ++i) {
      const auto before = i == 0 ? 0 : levels[i - 1];
      if (i + 1 == levels.size() || (levels[i] > before) != (levels[i + 1] > levels[i])) {
        found.push_back((levels[i] + kMib / 2) / kMib);
      }
    }
    return found;
  }

  [[nodiscard]] std::uint64_t unit() const override { return unit_bytes; }
  [[nodiscard]] bool is_exact() const override { return exact; }
  [[nodiscard]] bool is_reclaimable() const override { return reclaimable; }
  [[nodiscard]] bool can_shrink() const override { return shrinks; }
  [[nodiscard]] std::uint64_t counted() const {
    const auto own = static_cast<std::uint64_t>(static_cast<double>(held()) * cost);
    return std::min(counted_before + own, counted_at_most);
  }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    if (static_cast<int>(grown.size()) == fails_at_call) {
      return base::fail(base::ErrorKind::syscall, "full");
    }
    EXPECT_EQ(bytes % unit_bytes, 0U);
    EXPECT_GT(bytes, 0U);
    grown.push_back(bytes);
    levels.push_back(held() + bytes);
    std::this_thread::sleep_for(delay);
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    EXPECT_EQ(bytes % unit_bytes, 0U);
    EXPECT_LE(bytes, held());
    shrunk.push_back(bytes);
    levels.push_back(held() - bytes);
    return {};
  }
};

Context context(const std::map<std::string, std::string>& given, std::uint64_t cap = 0) {
  auto parameters = Parameters::check(kGrowth, given);
  EXPECT_TRUE(parameters);
  return {.parameters = std::move(*parameters), .cap_bytes = cap};
}

void measure(Context& context, const FakePool& pool) {
  context.meter.counter = [&pool](std::string_view name) {
    return name == "slab" ? std::optional(pool.counted()) : std::nullopt;
  };
}

TEST(Drive, ReachesTheSizeByItsOwnCountWhenNobodyTells) {
  FakePool pool;
  ASSERT_TRUE(drive(context({{"size", "5000K"}}), pool, "slab"));
  EXPECT_EQ(pool.held(), 5000U << 10);
}

TEST(Drive, CountsWhatWasThereBefore) {
  FakePool pool;
  pool.counted_before = 3 * kMib;
  auto with_meter = context({{"size", "8M"}});
  measure(with_meter, pool);
  ASSERT_TRUE(drive(with_meter, pool, "slab"));
  EXPECT_EQ(pool.held(), 5 * kMib);
}

struct CostCase {
  const char* name;
  double cost;
  std::uint64_t unit;
};

class Costs : public testing::TestWithParam<CostCase> {};

TEST_P(Costs, AreFoundOutFromTheCounter) {
  FakePool pool;
  pool.exact = false;
  pool.cost = GetParam().cost;
  pool.unit_bytes = GetParam().unit;
  pool.counted_before = 100'000;
  auto with_meter = context({{"size", "64M"}});
  measure(with_meter, pool);
  with_meter.must_reach = true;
  ASSERT_TRUE(drive(with_meter, pool, "slab"));
  const auto unit = static_cast<double>(GetParam().unit) * GetParam().cost;
  EXPECT_NEAR(static_cast<double>(pool.counted()), 64.0 * kMib, std::max(0.01 * 64 * kMib, unit));
}

INSTANTIATE_TEST_SUITE_P(Table, Costs,
                         testing::Values(CostCase{"as_believed", 1, 4096}, CostCase{"dearer", 3.7, 256},
                                         CostCase{"cheaper", 0.4, 16384}, CostCase{"large_units", 1.1, 2 << 20}),
                         [](const auto& row) { return row.param.name; });

TEST(Drive, RefusesACounterThatTheKernelHasNot) {
  FakePool pool;
  auto with_meter = context({{"size", "8M"}});
  measure(with_meter, pool);
  const auto driven = drive(with_meter, pool, "percpu");
  ASSERT_FALSE(driven);
  EXPECT_EQ(driven.error().kind, base::ErrorKind::unsupported);
  EXPECT_EQ(driven.error().message, "this kernel's memory.stat has no 'percpu': it does not charge that to a cgroup");
  EXPECT_EQ(pool.held(), 0U);
}

TEST(Drive, RefusesAKindThatIsNotCharged) {
  FakePool pool;
  pool.exact = false;
  pool.cost = 0;
  auto with_meter = context({{"size", "64M"}});
  measure(with_meter, pool);
  const auto driven = drive(with_meter, pool, "slab");
  ASSERT_FALSE(driven);
  EXPECT_EQ(driven.error().kind, base::ErrorKind::unsupported);
  EXPECT_THAT(driven.error().message, testing::HasSubstr("slab did not follow"));
  EXPECT_LT(pool.held(), 8 * kMib) << "found out early";
}

TEST(Drive, StopsAtAPoolThatReclaimKeepsSmall) {
  FakePool pool;
  pool.exact = false;
  pool.reclaimable = true;
  pool.counted_at_most = 10 * kMib;
  auto with_meter = context({{"size", "64M"}});
  measure(with_meter, pool);
  EXPECT_TRUE(drive(with_meter, pool, "slab"));
  EXPECT_LE(pool.held(), 4 * 64 * kMib + 16 * kPage);
  FakePool other;
  other.exact = false;
  other.reclaimable = true;
  other.counted_at_most = 10 * kMib;
  measure(with_meter, other);
  with_meter.must_reach = true;
  const auto strict = drive(with_meter, other, "slab");
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().message, "slab is 10 MiB, not 64 MiB: it does not get there here");
}

TEST(Drive, StopsAtTheCapWhenNothingElseDoes) {
  FakePool pool;
  const auto driven = drive(context({{"chunk", "1M"}}, 3 * kMib), pool, "anon");
  ASSERT_FALSE(driven);
  EXPECT_EQ(driven.error().message, "filled 3 MiB and was not stopped: the limit does not hold");
  EXPECT_EQ(pool.held(), 3 * kMib);
}

TEST(Drive, AnErrorOfThePoolEndsIt) {
  FakePool pool;
  pool.fails_at_call = 2;
  const auto driven = drive(context({}), pool, "anon");
  ASSERT_FALSE(driven);
  EXPECT_EQ(driven.error().message, "full");
  EXPECT_EQ(pool.grown.size(), 2U);
}

TEST(Drive, KeepsTheRate) {
  FakePool pool;
  const auto start = std::chrono::steady_clock::now();
  ASSERT_TRUE(drive(context({{"size", "8M"}, {"chunk", "1M"}, {"rate", "80M/s"}}), pool, "anon"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(99)) << "8 MiB at 80 MiB/s";
}

TEST(Drive, ASawtoothGivesAllBack) {
  FakePool pool;
  ASSERT_TRUE(
      drive(context({{"size", "8M"}, {"shape", "sawtooth"}, {"period", "40ms"}, {"repeat", "2"}}), pool, "anon"));
  EXPECT_EQ(pool.held(), 0U);
  std::uint64_t given_back = 0;
  for (const auto bytes : pool.shrunk) {
    given_back += bytes;
  }
  EXPECT_GT(given_back, 8 * kMib) << "both teeth";
}

struct SlowCase {
  const char* name;
  std::map<std::string, std::string> given;
  std::vector<std::uint64_t> turns_mib;  // where it turns, up and down
};

class SlowMachine : public testing::TestWithParam<SlowCase> {};

// Each addition takes longer than the whole shape should: it is late, and the same.
TEST_P(SlowMachine, HasTheSameShape) {
  FakePool pool;
  pool.delay = std::chrono::milliseconds(15);
  auto given = GetParam().given;
  given.insert({{"size", "4M"}, {"chunk", "1M"}, {"period", "10ms"}});
  ASSERT_TRUE(drive(context(given), pool, "slab"));
  EXPECT_EQ(pool.turns(), GetParam().turns_mib);
}

INSTANTIATE_TEST_SUITE_P(Table, SlowMachine,
                         testing::Values(SlowCase{"burst", {{"shape", "burst"}, {"repeat", "1"}}, {4, 0}},
                                         SlowCase{"bursts", {{"shape", "burst"}, {"repeat", "2"}}, {4, 0, 4, 0}},
                                         SlowCase{"sawtooth", {{"shape", "sawtooth"}, {"repeat", "2"}}, {4, 0, 4, 0}},
                                         SlowCase{"steps", {{"shape", "steps"}, {"steps", "2"}}, {4}}),
                         [](const auto& row) { return row.param.name; });

TEST(Drive, StopsAtAShareOfTheLimit) {
  FakePool pool;
  auto limited = context({{"until-limit", "75"}});
  limited.meter.level = [&] { return std::optional(pool.held() + kMib); };
  limited.meter.limit_bytes = 64 * kMib;
  ASSERT_TRUE(drive(limited, pool, "anon"));
  EXPECT_NEAR(static_cast<double>(pool.held()), 47.0 * kMib, kPage);
}

TEST(Drive, StopsAtAShareOfStalledTime) {
  FakePool pool;
  auto pressed = context({{"until-psi", "10"}, {"rate", "1G/s"}});
  const auto start = std::chrono::steady_clock::now();
  const auto passed = [start] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  pressed.meter.stalled_s = [&] { return std::optional(passed() / 2); };  // half of the time
  ASSERT_TRUE(drive(pressed, pool, "anon"));
  EXPECT_GE(passed(), 1.0) << "a whole window";
  EXPECT_GT(pool.held(), 0U);
}

TEST(Drive, NotesWhatItReached) {
  FakePool pool;
  auto noting = context({{"size", "6M"}});
  std::map<std::string, double> noted;
  noting.observe = [&](std::string_view step, std::string_view name, double value, std::string_view unit) {
    noted[std::string(step) + " " + std::string(name) + " " + std::string(unit)] = value;
  };
  ASSERT_TRUE(drive(noting, pool, "anon"));
  EXPECT_EQ(noted["end level bytes"], 6.0 * kMib);
  EXPECT_GT(noted["end growth bytes/s"], 0);
}

TEST(Pause, LastsFromOneSignalToTheOther) {
  listen_for_pause();
  EXPECT_EQ(wait_while_paused().count(), 0);
  ASSERT_EQ(::raise(SIGUSR1), 0);
  const auto main_thread = ::pthread_self();
  std::thread later([main_thread] {
    ::usleep(20'000);
    (void)::pthread_kill(main_thread, SIGUSR2);
  });
  EXPECT_GE(wait_while_paused(), std::chrono::milliseconds(19));
  later.join();
  EXPECT_EQ(wait_while_paused().count(), 0);
}

}  // namespace
}  // namespace stress

// What several reports are together, how memory grew, and kills against the kernel's counters.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "forensics/analysis.h"
#include "forensics/episodes.h"
#include "forensics/evidence.h"
#include "forensics/reconcile.h"
#include "forensics/timeline.h"

namespace forensics {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

Incident kill_at(double seconds, cgroup::Counters stat, std::uint64_t freed = 60 * kMib) {
  auto incident = memcg_example(std::move(stat));
  incident.time.monotonic_s = seconds;
  incident.victims.front().pid = 100 + static_cast<std::int64_t>(seconds * 10);
  incident.victims.front().anon_rss_bytes = freed;
  explain(incident);
  return incident;
}

const cgroup::Counters kAnon = {{"anon", 62 * kMib}, {"file", 0}};

struct TimeCase {
  const char* name;
  Time from, to;
  std::optional<double> seconds;
};

class SecondsBetween : public testing::TestWithParam<TimeCase> {};

TEST_P(SecondsBetween, TakesWhatIsStated) {
  EXPECT_EQ(seconds_between(GetParam().from, GetParam().to), GetParam().seconds);
}

Time clock(const char* realtime) {
  return {.monotonic_s = {}, .realtime = realtime, .host = {}};
}

INSTANTIATE_TEST_SUITE_P(
    Table, SecondsBetween,
    testing::Values(TimeCase{"boot", {.monotonic_s = 1.5}, {.monotonic_s = 4}, 2.5},
                    TimeCase{"another_boot", {.monotonic_s = 4}, {.monotonic_s = 1}, std::nullopt},
                    TimeCase{"clock", clock("2026-01-02T03:04:05"), clock("2026-01-02T04:04:05"), 3600},
                    TimeCase{"zones", clock("2026-01-02T03:04:05+01:00"), clock("2026-01-02T03:04:05Z"), 3600},
                    TimeCase{"no_year", clock("--10-12T19:00:20"), clock("--10-12T19:00:30"), 10},
                    TimeCase{"no_year_over_its_end", clock("--12-31T23:59:50"), clock("--01-01T00:00:10"), 20},
                    TimeCase{"both_agree",
                             {.monotonic_s = 10.25, .realtime = "2026-01-02T03:04:05"},
                             {.monotonic_s = 12.5, .realtime = "2026-01-02T03:04:07"},
                             2.25},
                    TimeCase{"rebooted_between",
                             {.monotonic_s = 10, .realtime = "2026-01-02T03:04:05"},
                             {.monotonic_s = 12, .realtime = "2026-01-02T05:04:05"},
                             7200},
                    TimeCase{"nothing", {}, {}, std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(Episodes, ASingleReportIsNone) {
  EXPECT_TRUE(find_episodes({kill_at(1, kAnon)}).empty());
  EXPECT_TRUE(find_episodes({}).empty());
}

TEST(Episodes, ACrashLoopTellsHowFastItFills) {
  std::vector<Incident> incidents;
  for (int i = 0; i < 5; ++i) {
    incidents.push_back(kill_at(100 + 60 * i, kAnon));
  }
  const auto episodes = find_episodes(incidents);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].code, "crash_loop");
  EXPECT_EQ(episodes[0].kills, 5U);
  EXPECT_EQ(episodes[0].duration_s, 240);
  ASSERT_TRUE(episodes[0].slope);
  EXPECT_EQ(episodes[0].slope->value, 1118481);  // 64 MiB a minute
  EXPECT_EQ(episodes[0].words,
            "app in service app.service was killed 5 times in 4 min 0 s, every 60 s: it is started again and fills the "
            "limit again");
}

TEST(Episodes, APodIsOneWhateverItsContainersAreCalled) {
  std::vector<Incident> incidents;
  for (int i = 0; i < 3; ++i) {
    auto incident = kill_at(100 + 600 * i, kAnon);
    incident.cgroup->oom_memcg =
        fmt::format("/kubepods/burstable/podbc001ffa-68fc-11e9-92d7-5ef9efd9374c/{:064x}", i + 1);
    incidents.push_back(std::move(incident));
  }
  const auto episodes = find_episodes(incidents);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].incidents, (std::vector<std::size_t>{0, 1, 2}));
}

TEST(Episodes, OtherGroupsHostsAndDaysAreOthers) {
  auto other_group = kill_at(101, kAnon);
  other_group.cgroup->oom_memcg = "/system.slice/other.service";
  auto other_host = kill_at(102, kAnon);
  other_host.time.host = "web2";
  EXPECT_TRUE(find_episodes({kill_at(100, kAnon), other_group, other_host, kill_at(100 + 25 * 3600, kAnon)}).empty());
}

TEST(Episodes, KillsThatFreeNothingAreCounted) {
  std::vector<Incident> incidents;
  for (int i = 0; i < 4; ++i) {
    incidents.push_back(kill_at(100 + i, {{"anon", 1 * kMib}, {"file", 62 * kMib}, {"shmem", 62 * kMib}}, kMib));
  }
  const auto episodes = find_episodes(incidents);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].code, "kills_freed_nothing");
  EXPECT_EQ(episodes[0].kills_freed_nothing, 3U);  // what came after the last one is not known
}

TEST(Episodes, WhatNoKillGivesBackIsALeak) {
  std::vector<Incident> incidents;
  for (std::uint64_t i = 0; i < 4; ++i) {
    const auto shmem = (10 + 10 * i) * kMib;
    incidents.push_back(kill_at(100 + 100 * static_cast<double>(i),
                                {{"anon", 62 * kMib - shmem}, {"file", shmem}, {"shmem", shmem}}, 62 * kMib - shmem));
  }
  const auto episodes = find_episodes(incidents);
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].code, "leak_over_kills");
  ASSERT_TRUE(episodes[0].slope);
  EXPECT_EQ(episodes[0].slope->of, "shmem");
  EXPECT_NEAR(episodes[0].slope->value, 104857.6, 0.01);  // 10 MiB in 100 s
  EXPECT_EQ(episodes[0].slope->fit, 1);
}

TEST(Episodes, ManyReportsAtOnceAreAStorm) {
  auto incident = kill_at(100, kAnon);
  incident.log.suppressed = 132;
  const auto episodes = find_episodes({incident, kill_at(101, kAnon), kill_at(102, kAnon)});
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].code, "storm");
  EXPECT_EQ(episodes[0].reports, 135U);
}

TEST(Episodes, NobodyKilledAgainAndAgain) {
  auto incident = kill_at(100, kAnon);
  incident.kind = "no_victim";
  incident.victims.clear();
  incident.repeats = 900;
  const auto episodes = find_episodes({incident});
  ASSERT_EQ(episodes.size(), 1U);
  EXPECT_EQ(episodes[0].code, "no_victim_loop");
  EXPECT_EQ(episodes[0].reports, 900U);
}

TEST(Episodes, ReportsOfWhichNothingIsKnownStayAlone) {
  Incident unknown;
  unknown.log.first_line = 3;
  auto other = unknown;
  other.log.first_line = 9;
  EXPECT_TRUE(find_episodes({unknown, other}).empty());
}

struct ShapeCase {
  const char* name;
  std::vector<std::uint64_t> mib;  // at equal distances
  unsigned seconds;
  const char* shape;
};

class GrowthShapes : public testing::TestWithParam<ShapeCase> {};

TEST_P(GrowthShapes, AreToldApart) {
  auto memory = GetParam().mib;
  for (auto& value : memory) {
    value *= kMib;
  }
  const auto shape = growth_shape(run_example(memory, GetParam().seconds).timeline);
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->shape, GetParam().shape) << shape->words;
}

std::vector<std::uint64_t> rising(std::uint64_t from, std::uint64_t to, std::uint64_t points) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < points; ++i) {
    values.push_back(from + (to - from) * i / (points - 1));
  }
  return values;
}

std::vector<std::uint64_t> stairs(std::uint64_t steps, std::uint64_t each, std::uint64_t width) {
  std::vector<std::uint64_t> values;
  for (std::uint64_t i = 0; i < steps * width; ++i) {
    values.push_back(4 + i / width * each);
  }
  return values;
}

std::vector<std::uint64_t> jump(std::uint64_t rest, std::uint64_t top, std::uint64_t points) {
  std::vector<std::uint64_t> values(points, rest);
  values.back() = top;
  return values;
}

// A program's start, then what it does.
std::vector<std::uint64_t> then(std::uint64_t rest, const std::vector<std::uint64_t>& values) {
  std::vector<std::uint64_t> all(rest, 1);
  all.insert(all.end(), values.begin(), values.end());
  return all;
}

INSTANTIATE_TEST_SUITE_P(Table, GrowthShapes,
                         testing::Values(ShapeCase{"leak", rising(2, 64, 40), 4, "leak"},
                                         ShapeCase{"filled_at_once", rising(2, 64, 40), 1, "growth"},
                                         ShapeCase{"filled_fast_for_long", rising(2, 640, 40), 4, "growth"},
                                         ShapeCase{"spike", jump(16, 64, 40), 1, "spike"},
                                         ShapeCase{"spike_of_an_idle_one", jump(1, 64, 40), 3, "spike"},
                                         ShapeCase{"start_then_fill", jump(1, 64, 40), 1, "growth"},
                                         ShapeCase{"staircase", stairs(6, 12, 8), 3, "staircase"},
                                         ShapeCase{"staircase_of_ten", stairs(10, 6, 8), 3, "staircase"},
                                         ShapeCase{"leak_in_many_steps", stairs(15, 4, 8), 3, "leak"},
                                         ShapeCase{"jumps_without_landings", then(20, stairs(14, 5, 1)), 3, "growth"},
                                         ShapeCase{"sawtooth", {4, 40, 8, 44, 8, 48, 8, 52, 8, 60}, 3, "sawtooth"},
                                         ShapeCase{"plateau", rising(60, 64, 40), 3, "plateau"}),
                         [](const auto& row) { return row.param.name; });

TEST(GrowthShapes, FillingAtFullSpeedOfASlowMachineIsNoLeak) {
  auto memory = rising(2, 64, 40);
  for (auto& value : memory) {
    value *= kMib;
  }
  const auto timeline = run_example(memory, 4).timeline;
  EXPECT_EQ(growth_shape(timeline, 3.8)->shape, "growth");
  EXPECT_EQ(growth_shape(timeline, 1.2)->shape, "leak");
  EXPECT_EQ(growth_shape(run_example(memory, 120).timeline, 110)->shape, "leak") << "a busy program that leaks slowly";
}

TEST(GrowthShapes, CountSwapWithMemory) {
  auto run = run_example(std::vector<std::uint64_t>(40, 32 * kMib), 4);
  for (std::size_t i = 0; i < run.timeline.size(); ++i) {
    run.timeline[i].swap = i * kMib;
  }
  const auto shape = growth_shape(run.timeline);
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->shape, "leak") << shape->words;
  EXPECT_FALSE(growth_shape({}));
}

struct CountCase {
  const char* name;
  const char* source;
  std::uint64_t logged, counted;
  const char* code;
  const char* words;
};

class Reconcile : public testing::TestWithParam<CountCase> {};

TEST_P(Reconcile, ExplainsTheDifference) {
  const auto made = reconcile(Postmortem{}, GetParam().source, std::nullopt, GetParam().logged, GetParam().counted);
  EXPECT_EQ(made.code, GetParam().code);
  EXPECT_EQ(made.words, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Reconcile,
    testing::Values(
        CountCase{"equal", "memory.events", 3, 3, "equal", "memory.events and the log agree: 3 kills"},
        CountCase{"one", "vmstat", 1, 1, "equal", "/proc/vmstat and the log agree: 1 kill"},
        CountCase{
            "log_misses", "vmstat", 0, 2, "log_misses_kills",
            "/proc/vmstat counts 2 kills, the log shows none: the others happened before this log begins, or their "
            "lines were filtered, or the victim was exiting already, which is counted and not printed"},
        CountCase{
            "counter_misses", "memory.events", 4, 1, "counter_misses_kills",
            "memory.events counts 1 kill, the log shows 4: the counter starts anew when the group is made again, so "
            "the log holds kills of an earlier group of that name, or the file is of another group"},
        CountCase{
            "rebooted", "vmstat", 4, 1, "counter_misses_kills",
            "/proc/vmstat counts 1 kill, the log shows 4: the counter starts anew with each boot, so the log holds "
            "more than this boot, or another machine's kills"}),
    [](const auto& row) { return row.param.name; });

TEST(Reconcile, KnowsWhatTheDocumentSaysOfItsLog) {
  Postmortem document;
  document.warnings.push_back({.code = "log_overrun", .message = "lost"});
  EXPECT_TRUE(
      reconcile(document, "vmstat", {}, 1, 2).words.ends_with("records of the log were lost before they were read"));
  document.warnings.clear();
  auto cut = memcg_example({});
  cut.victims.clear();
  document.incidents = {cut};
  EXPECT_TRUE(reconcile(document, "vmstat", {}, 1, 2)
                  .words.ends_with("1 report of the log is without the line that names the victim"));
  document.incidents[0].missing = {"trigger"};
  EXPECT_TRUE(reconcile(document, "vmstat", {}, 1, 4)
                  .words.ends_with("the log begins within a report: what was before is not in it"));
}

}  // namespace
}  // namespace forensics

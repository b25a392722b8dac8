// Why this victim: reasons, margins, who would have been next, who without oom_score_adj.
#include <gtest/gtest.h>

#include "forensics/analysis.h"
#include "forensics/evidence.h"

namespace forensics {
namespace {

constexpr std::uint64_t kMib = 1 << 20, kPage = 4096;

Task task(std::int64_t pid, std::uint64_t mib, std::int64_t adj = 0) {
  return {.pid = pid,
          .uid = 1000,
          .tgid = pid,
          .rss_bytes = mib * kMib,
          .pgtables_bytes = 0,
          .swap_bytes = 0,
          .oom_score_adj = adj,
          .comm = "task" + std::to_string(pid)};
}

struct ChoiceCase {
  const char* name;
  void (*change)(Incident& incident);
  const char* code;
  std::optional<bool> explained;
  std::optional<std::int64_t> margin;  // in pages
  const char* next;                    // "" for nobody
  const char* unadjusted;
};

class VictimChoice : public testing::TestWithParam<ChoiceCase> {};

// Of 64 MiB: 30, 20 and 10 MiB; the first was killed.
TEST_P(VictimChoice, IsExplained) {
  auto incident = memcg_example({{"anon", 60 * kMib}, {"file", 0}});
  incident.tasks = {task(1001, 30), task(1002, 20), task(1003, 10)};
  incident.victims.front().pid = 1001;
  GetParam().change(incident);
  explain(incident);
  const auto& analysis = incident.analysis;
  ASSERT_TRUE(analysis.victim_reason);
  EXPECT_EQ(analysis.victim_reason->code, GetParam().code) << analysis.victim_reason->words;
  EXPECT_EQ(analysis.victim_explained, GetParam().explained);
  EXPECT_EQ(analysis.margin_points, GetParam().margin);
  EXPECT_EQ(analysis.next_victim ? analysis.next_victim->comm : "", GetParam().next);
  EXPECT_EQ(analysis.without_oom_score_adj ? analysis.without_oom_score_adj->comm : "", GetParam().unadjusted);
}

constexpr std::int64_t pages(std::int64_t mib) {
  return mib * static_cast<std::int64_t>(kMib / kPage);
}

INSTANTIATE_TEST_SUITE_P(
    Table, VictimChoice,
    testing::Values(
        ChoiceCase{"highest", [](Incident&) {}, "highest_badness", true, pages(10), "task1002", "task1001"},
        ChoiceCase{"only", [](Incident& i) { i.tasks.resize(1); }, "only_candidate", true, std::nullopt, "",
                   "task1001"},
        ChoiceCase{"others_exempt", [](Incident& i) { i.tasks[1].oom_score_adj = i.tasks[2].oom_score_adj = -1000; },
                   "only_candidate", true, std::nullopt, "", "task1001"},
        ChoiceCase{"steered",
                   [](Incident& i) {
                     i.victims.front().pid = 1003;
                     i.tasks[2].oom_score_adj = 900;
                   },
                   "highest_badness", true, pages(10) + 900 * 16 - pages(30), "task1001", "task1001"},
        ChoiceCase{"spared_hog",
                   [](Incident& i) {
                     i.tasks[0].oom_score_adj = -1000;
                     i.victims.front().pid = 1002;
                   },
                   "highest_badness", true, pages(10), "task1003", "task1001"},
        ChoiceCase{"allocating",
                   [](Incident& i) {
                     i.victims.front().pid = 1003;
                     i.victims.front().role = "allocating";
                   },
                   "oom_kill_allocating_task", true, pages(10) - pages(30), "task1001", "task1001"},
        ChoiceCase{"child",
                   [](Incident& i) {
                     i.victims.front().pid = 1003;
                     i.victims.front().role = "child";
                   },
                   "sacrificed_child", true, pages(10) - pages(30), "task1001", "task1001"},
        ChoiceCase{"group",
                   [](Incident& i) { i.victims.push_back({.pid = 1002, .comm = "task1002", .role = "group"}); },
                   "highest_badness", true, pages(20), "task1003", "task1001"},
        ChoiceCase{"within_the_counters_error",
                   [](Incident& i) {
                     i.victims.front().pid = 1002;
                     i.tasks[1].rss_bytes = 30 * kMib - 10 * kPage;
                   },
                   "approximate_rss", false, -10, "task1001", "task1001"},
        ChoiceCase{"another_rule", [](Incident& i) { i.victims.front().pid = 1003; }, "unknown", false,
                   pages(10) - pages(30), "task1001", "task1001"},
        ChoiceCase{"not_listed", [](Incident& i) { i.victims.front().pid = 7; }, "unknown", std::nullopt, std::nullopt,
                   "", "task1001"},
        ChoiceCase{"no_table", [](Incident& i) { i.tasks.clear(); }, "unknown", std::nullopt, std::nullopt, "", ""},
        ChoiceCase{"user_space", [](Incident& i) { i.killer = "earlyoom"; }, "user_space_killer", std::nullopt,
                   std::nullopt, "", ""}),
    [](const auto& row) { return row.param.name; });

TEST(VictimChoice, TheExemptStandLastInTheRanking) {
  auto incident = memcg_example({{"anon", 60 * kMib}});
  incident.tasks = {task(1001, 30, -1000), task(1002, 20), task(1003, 10)};
  incident.victims.front().pid = 1002;
  explain(incident);
  ASSERT_EQ(incident.analysis.ranking.size(), 3U);
  EXPECT_EQ(incident.analysis.ranking[2].pid, 1001);
  EXPECT_FALSE(incident.analysis.ranking[2].eligible);
  EXPECT_EQ(incident.analysis.ranking[2].points, pages(30));
  EXPECT_EQ(incident.analysis.victim_rank, 1);
}

// 3.13, no swap limit: 16384 pages of limit; 8192 pages held of a total with the machine's swap are 200 per mille.
TEST(VictimChoice, APrintedScoreSettlesTheTotal) {
  auto incident = memcg_example({{"rss", 60 * kMib}, {"cache", 0}});
  incident.kernel.release = "4.19.0";
  incident.cgroup->swap.reset();
  incident.cgroup->memsw = Usage{.usage_bytes = 0, .limit_bytes = {}, .unlimited = true, .failcnt = 0};
  incident.tasks = {task(1001, 32), task(1002, 20)};
  incident.victims.front().pid = 1001;
  for (const std::int64_t printed : {500, 200}) {
    incident.victims.front().score = printed;
    explain(incident);
    ASSERT_TRUE(incident.analysis.score);
    EXPECT_EQ(incident.analysis.score->recomputed, printed);
    EXPECT_EQ(incident.analysis.score->total_pages, printed == 500 ? 16384U : 40960U);
  }
}

TEST(VictimChoice, ABystanderHeldLittleOfIt) {
  auto incident = memcg_example({{"anon", 4 * kMib}, {"file", 58 * kMib}, {"shmem", 58 * kMib}});
  incident.victims.front().anon_rss_bytes = 3 * kMib;
  explain(incident);
  EXPECT_EQ(incident.analysis.bystander, true);
  EXPECT_EQ(incident.analysis.freed_bytes, 3 * kMib);
  incident.victims.front().anon_rss_bytes = 30 * kMib;
  explain(incident);
  EXPECT_EQ(incident.analysis.bystander, false);
}

}  // namespace
}  // namespace forensics

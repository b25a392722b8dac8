#include "forensics/control_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forensics/composition.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const cgroup::Counters kStat = {{"anon", 40 << 20}, {"file", 0}};

// Three reports of memory cgroups; the first two without statistics.
Postmortem three_reports() {
  std::string log;
  for (const int pid : {10, 11, 12}) {
    for (const auto& line : testing::memcg_report("app", pid, pid == 11 ? "/a/b" : "/a")) {
      const bool statistics =
          line.starts_with("Memory cgroup stats") || line.starts_with("anon ") || line.starts_with("file ");
      log += pid != 12 && statistics ? "" : line + "\n";
    }
  }
  return testing::parse_text(log);
}

void join(Postmortem& document, const ControlFiles& files) {
  forensics::join(document, files, logged_kills(document));
}

std::vector<std::string> codes(const Postmortem& document) {
  std::vector<std::string> out;
  for (const auto& warning : document.warnings) {
    out.push_back(warning.code);
  }
  return out;
}

TEST(ControlFiles, FillTheLastMemcgIncidentOnly) {
  auto document = three_reports();
  ASSERT_EQ(document.incidents.size(), 3U);
  document.incidents[2].scope = "global";
  join(document, {.stat = kStat, .events = {}});
  EXPECT_THAT(document.incidents[0].cgroup->stat, IsEmpty());
  EXPECT_EQ(document.incidents[1].cgroup->stat, kStat);
  EXPECT_NE(find_part(document.incidents[1].analysis.breakdown, "anon"), nullptr) << "explained again";
  ASSERT_THAT(codes(document), ElementsAre("control_files_joined"));
  EXPECT_EQ(document.warnings[0].line, document.incidents[1].log.first_line);
  EXPECT_THAT(document.warnings[0].message, HasSubstr(", the last of 2 in a memory cgroup;"));
}

TEST(ControlFiles, NeverOverrideWhatTheKernelPrinted) {
  auto document = three_reports();
  const auto before = document.incidents[2].cgroup->stat;
  join(document, {.stat = kStat, .events = {}});
  EXPECT_EQ(document.incidents[2].cgroup->stat, before);
  EXPECT_THAT(codes(document), ElementsAre("memory_stat_unused"));
}

TEST(ControlFiles, GiveAGroupToAnIncidentWithout) {
  Postmortem document;
  document.incidents.emplace_back().scope = "memcg";
  join(document, {.stat = kStat, .events = {}});
  EXPECT_EQ(document.incidents[0].cgroup->stat, kStat);
}

struct KillsCase {
  const char* name;
  std::optional<std::uint64_t> counted;
  std::vector<std::string> codes;
};

class CountedKills : public ::testing::TestWithParam<KillsCase> {};

TEST_P(CountedKills, AreHeldAgainstTheLog) {
  auto document = three_reports();  // /a and what is below it: 3 kills
  join(document, {.stat = {}, .events = cgroup::MemoryEvents{.oom_kill = GetParam().counted}});
  EXPECT_EQ(codes(document), GetParam().codes);
}

INSTANTIATE_TEST_SUITE_P(Table, CountedKills,
                         ::testing::Values(KillsCase{"the_same", 3, {}},
                                           KillsCase{"more", 5, {"kill_without_log_line"}},
                                           KillsCase{"fewer", 2, {"kill_not_counted"}},
                                           KillsCase{"not_stated", std::nullopt, {}}),
                         [](const auto& row) { return row.param.name; });

TEST(ControlFiles, CountWhatWasLeftOut) {
  auto document = three_reports();
  const auto kills = logged_kills(document);
  document.incidents.erase(document.incidents.begin(), document.incidents.begin() + 2);
  forensics::join(document, {.stat = {}, .events = cgroup::MemoryEvents{.oom_kill = 3}}, kills);
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(ControlFiles, CountOnlyTheSameHost) {
  auto document = three_reports();
  document.incidents[0].time.host = "web1";
  document.incidents[2].time.host = "web2";
  join(document, {.stat = {}, .events = cgroup::MemoryEvents{.oom_kill = 2}});
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(ControlFiles, SayThatALogWithoutIncidentLacksKills) {
  Postmortem document;
  join(document, {.stat = kStat, .events = cgroup::MemoryEvents{.oom_kill = 2}});
  ASSERT_THAT(codes(document), ElementsAre("memory_stat_unused", "kill_without_log_line"));
  EXPECT_EQ(document.warnings[1].message, "memory.events counts 2 killed, the log shows none");
}

}  // namespace
}  // namespace forensics

#include "forensics/line_explainer.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::ElementsAre;

// "kind" of every line.
std::vector<std::string> kinds(const std::vector<std::string>& lines, const std::optional<std::string>& carrier = {}) {
  LineExplainer explainer(carrier);
  std::vector<std::string> out;
  for (const auto& line : lines) {
    out.emplace_back(explainer.explain({.text = line, .number = out.size() + 1}).kind);
  }
  return out;
}

TEST(LineExplainer, NamesTheLinesOfAReport) {
  auto lines = testing::memcg_report();
  lines.insert(lines.begin() + 9, "acme: something else");
  lines.emplace_back("oom_reaper: reaped process 4242 (python3), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB");
  lines.emplace_back("eth0: link up");
  for (auto& line : lines) {
    line.insert(0, "[    1.000001] ");  // without a stamp a line may be the rest of the one before
  }
  EXPECT_THAT(kinds(lines),
              ElementsAre("trigger", "process", "stack start", "stack start", "stack frame", "stack frame",
                          "stack detail", "memcg usage", "memcg usage", "unrecognized inside a report", "memcg stats",
                          "memcg counter", "memcg counter", "task table", "task columns", "task row", "summary", "kill",
                          "reaper", "not of a report"));
}

TEST(LineExplainer, KnowsNoReportOutsideOfOne) {
  EXPECT_THAT(kinds({"[    1.000001] Linux version 6.1.0 (x@y)", "[    1.000002]  acme_probe+0x12/0x34",
                     "[    1.000003] anon 12", "", "\xff\x1b"}),
              ElementsAre("boot", "not of a report", "not of a report", "not of a report", "not of a report"));
}

TEST(LineExplainer, SeesTheRestOfABrokenLine) {
  EXPECT_THAT(kinds({"a.out invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
                     "Memory cgroup out of memory: Killed process 4242 (a.out) total-vm:110848kB, anon-rss:64048kB,",
                     "file-rss:8828kB, shmem-rss:0kB, UID:1000 pgtables:204kB oom_score_adj:0"}),
              ElementsAre("trigger", "kill", "continuation"));
}

TEST(LineExplainer, SeesRecordsOfSeveralLines) {
  const auto explained =
      kinds({"__REALTIME_TIMESTAMP=1763734976000000", "_TRANSPORT=kernel", "SYSLOG_IDENTIFIER=kernel",
             "MESSAGE=a.out invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0", ""});
  EXPECT_THAT(explained,
              ElementsAre("part of a record", "part of a record", "part of a record", "part of a record", "trigger"));
}

TEST(LineExplainer, SaysCarrierAndTime) {
  struct Row {
    std::string line, carrier, time, kind;
  };
  for (const auto& row : {
           Row{"[  809.641895] a invoked oom-killer: gfp_mask=0x0, order=0", "dmesg", "[809.641895]", "trigger"},
           Row{"Nov 21 14:22:56 web1 kernel: a invoked oom-killer: gfp_mask=0x0, order=0", "syslog", "--11-21T14:22:56",
               "trigger"},
           Row{"2025-11-21T14:22:56+01:00 web1 earlyoom[454]: sending SIGTERM to process 9 uid 1 \"x\": badness 1, "
               "VmRSS 1 MiB",
               "journal_text", "2025-11-21T14:22:56+01:00", "kill from user space"},
           Row{"2025-11-21T14:22:56+01:00 web1 nginx[4]: Killed", "journal_text", "2025-11-21T14:22:56+01:00",
               "not of a report"},
       }) {
    LineExplainer explainer({});
    const auto explained = explainer.explain({.text = row.line, .number = 1});
    EXPECT_EQ(explained.carrier, row.carrier);
    EXPECT_EQ(explained.time, row.time);
    EXPECT_EQ(explained.kind, row.kind) << row.line;
  }
}

// On a real log it says of no line that it was not understood where the parser says otherwise.
TEST(LineExplainer, AgreesWithTheParserOnRealLogs) {
  for (const auto* name : {"6.1/memcg", "6.1/global", "6.1/no-victim", "6.12/names", "6.12/oom-group", "6.12/nested"}) {
    const auto text = base::read_all(std::string(OOMLAB_SOURCE_DIR) + "/tests/fixtures/logs/" + name + ".kmsg");
    ASSERT_TRUE(text);
    std::set<std::uint64_t> known;
    for (const auto& incident : testing::parse_text(*text).incidents) {
      for (const auto& line : incident.log.unrecognized) {
        known.insert(line.line);
      }
    }
    LineReader reader(source_of_memory(*text));
    LineExplainer explainer({});
    std::set<std::uint64_t> said;
    for (auto line = reader.next(); line && *line; line = reader.next()) {
      if (explainer.explain(**line).sort == ExplainedLine::Sort::unrecognized) {
        said.insert((*line)->number);
      }
    }
    EXPECT_EQ(said, known) << name;
  }
}

}  // namespace
}  // namespace forensics

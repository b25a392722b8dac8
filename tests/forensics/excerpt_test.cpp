// The lines of a report that its document keeps.
#include "forensics/excerpt.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::ElementsAre;
using testing::joined;
using testing::memcg_report;
using testing::parse_text;

std::vector<std::string> texts(const Incident& incident) {
  std::vector<std::string> found;
  for (const auto& line : incident.log.lines) {
    found.push_back(line.text);
  }
  return found;
}

std::vector<std::uint64_t> numbers_of(const Incident& incident, std::string_view kind) {
  std::vector<std::uint64_t> found;
  for (const auto& line : incident.log.lines) {
    if (line.kind == kind) {
      found.push_back(line.line);
    }
  }
  return found;
}

TEST(Excerpt, HoldsAReportAsItWasPrinted) {
  const auto lines = memcg_report();
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(texts(incident), lines);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(incident.log.lines[i].line, i + 1);
  }
  EXPECT_EQ(incident.log.lines_left_out, 0U);
  EXPECT_THAT(numbers_of(incident, "memcg_usage"), ElementsAre(8, 9));
  EXPECT_THAT(numbers_of(incident, "task_row"), ElementsAre(15));
  EXPECT_THAT(numbers_of(incident, "kill"), ElementsAre(17));
}

TEST(Excerpt, LeavesTheCarriersPrefixAndOthersLinesOut) {
  auto lines = memcg_report();
  lines.insert(lines.begin() + 8, "eth0: link becomes ready");
  const auto document = parse_text(joined(lines, "Oct 12 19:00:20 web1 kernel: [  809.641895] "));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(texts(document.incidents[0]), memcg_report());
  EXPECT_THAT(numbers_of(document.incidents[0], "memcg_usage"), ElementsAre(8, 10));
}

TEST(Excerpt, LinesOfOneRecordHaveItsNumber) {
  const auto document = parse_text(
      "6,1,1000000,-;python3 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
      "6,2,1000001,-;Memory cgroup stats for /a:\\x0aanon 4096\\x0afile 8192\n"
      "6,3,1000002,-;Memory cgroup out of memory: Killed process 5 (a) total-vm:1kB, anon-rss:1kB, file-rss:0kB\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& lines = document.incidents[0].log.lines;
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[2].line, 2U);
  EXPECT_EQ(lines[2].text, "anon 4096");
  EXPECT_EQ(lines[3].line, 2U);
  EXPECT_EQ(lines[3].kind, "memcg_counter");
}

TEST(Excerpt, ABrokenLineIsOneLine) {
  auto lines = memcg_report();
  const auto cut = lines[16].find(", anon-rss");
  lines.push_back(lines[16].substr(cut + 1));
  lines[16].resize(cut + 1);
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(texts(document.incidents[0]), memcg_report());
}

TEST(Excerpt, OfALongTableTheLargestTasksAndTheVictim) {
  auto lines = memcg_report();
  const auto row = [](int pid, int rss) {
    return fmt::format("[   {}]  1000  {}    27712    {}    16012     2207         0   208896        0             0 w",
                       pid, pid, rss);
  };
  std::vector<std::string> rows;
  for (int i = 0; i < 500; ++i) {
    rows.push_back(row(10000 + i, 20000 + i));  // each larger than the victim's 18219
  }
  lines.insert(lines.begin() + 14, rows.begin(), rows.end());
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.tasks.size(), 501U);
  const auto kept = numbers_of(incident, "task_row");
  EXPECT_EQ(kept.size(), 41U);
  EXPECT_EQ(kept.front(), 15U + 460);  // the fortieth largest
  EXPECT_EQ(kept.back(), 515U);        // the victim's
  EXPECT_EQ(incident.log.lines_left_out, 460U);
  EXPECT_TRUE(std::ranges::is_sorted(incident.log.lines, {}, &LogLine::line));
  EXPECT_EQ(incident.log.lines.back().kind, "kill");
}

TEST(Excerpt, OfEachKindTheFirst) {
  auto lines = memcg_report();
  std::vector<std::string> frames;
  for (int i = 0; i < 200; ++i) {
    frames.push_back(fmt::format(" deep_{}+0x1/0x2", i));
  }
  lines.insert(lines.begin() + 5, frames.begin(), frames.end());
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(numbers_of(incident, "stack_frame").size(), 80U);
  EXPECT_EQ(incident.log.lines_left_out, 122U);
  EXPECT_EQ(numbers_of(incident, "kill").size(), 1U);
}

TEST(Excerpt, HoldsTheReapersLateLine) {
  const std::string reaper = "oom_reaper: reaped process 4242 (python3), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB";
  auto lines = memcg_report();
  lines.push_back(reaper);
  EXPECT_EQ(texts(parse_text(joined(lines)).incidents.at(0)).back(), reaper);
  // Another report in between: the first one is done by then.
  const auto other = memcg_report("java", 99, "/other");
  lines.insert(lines.end() - 1, other.begin(), other.end());
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(texts(document.incidents[0]).back(), reaper);
}

TEST(Excerpt, HoldsTheWordsOfUserSpaceKillers) {
  const auto document = parse_text(
      "Oct 12 19:00:20 web1 earlyoom[600]: mem avail:   400 of  7880 MiB ( 5.08%), swap free:    0 of    0 MiB\n"
      "Oct 12 19:00:21 web1 earlyoom[600]: sending SIGTERM to process 4242 uid 1000 \"python3\": badness 900, "
      "VmRSS 800 MiB\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& lines = document.incidents[0].log.lines;
  ASSERT_FALSE(lines.empty());
  EXPECT_EQ(lines.back().kind, "kill_from_user_space");
  EXPECT_EQ(lines.back().line, 2U);
  EXPECT_TRUE(lines.back().text.starts_with("sending SIGTERM to process 4242")) << lines.back().text;
}

TEST(Excerpt, LongLinesAreCut) {
  auto lines = memcg_report("python3", 4242, "/" + std::string(3000, 'x'));
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  for (const auto& line : document.incidents[0].log.lines) {
    EXPECT_LE(line.text.size(), 2000U);
  }
}

}  // namespace
}  // namespace forensics

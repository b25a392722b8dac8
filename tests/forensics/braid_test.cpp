// Two reports whose lines are mixed in a log without caller ids: told apart where shape and pattern allow it, else
// said.
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forensics/json.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using testing::global_report;
using testing::joined;
using testing::memcg_report;
using testing::parse_text;
using Lines = std::vector<std::string>;

// Two reports that differ in every fact.
Lines first_report() {
  return memcg_report("alpha", 1111, "/a");
}

Lines second_report() {
  auto lines = memcg_report("beta", 2222, "/b");
  lines[5] = " out_of_memory+0x1/0x2";
  lines.insert(lines.begin() + 6, {" try_charge_memcg+0x3/0x4", " charge_memcg+0x5/0x6"});
  lines[9] = "memory: usage 131072kB, limit 131072kB, failcnt 7";
  lines[12] = "anon 1";
  lines.insert(lines.begin() + 17,
               "[    333]     0   333     1000      100      100        0         0    40960        0         "
               "    0 helper");
  return lines;
}

std::string core(Incident incident) {
  incident.time = {};
  testing::forget_lines(incident);
  Postmortem document;
  document.incidents.push_back(std::move(incident));
  return to_json(document);
}

std::string alone(const Lines& lines) {
  return core(parse_text(joined(lines, "[   12.345678] ")).incidents.at(0));
}

Lines nested(const Lines& outer, const Lines& inner, std::size_t at) {
  Lines mixed(outer.begin(), outer.begin() + static_cast<std::ptrdiff_t>(at));
  mixed.insert(mixed.end(), inner.begin(), inner.end());
  mixed.insert(mixed.end(), outer.begin() + static_cast<std::ptrdiff_t>(at), outer.end());
  return mixed;
}

Lines alternating(const Lines& a, const Lines& b) {
  Lines mixed;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
    if (i < a.size()) {
      mixed.push_back(a[i]);
    }
    if (i < b.size()) {
      mixed.push_back(b[i]);
    }
  }
  return mixed;
}

void expect_both(const Lines& mixed, const Lines& a, const Lines& b) {
  const auto document = parse_text(joined(mixed, "[   12.345678] "));
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(core(document.incidents[0]), alone(a));
  EXPECT_EQ(core(document.incidents[1]), alone(b));
  EXPECT_TRUE(document.warnings.empty());
}

TEST(Braid, OneReportInsideAnother) {
  for (std::size_t at = 1; at < first_report().size(); ++at) {
    SCOPED_TRACE(at);
    expect_both(nested(first_report(), second_report(), at), first_report(), second_report());
    expect_both(nested(first_report(), global_report(), at), first_report(), global_report());
  }
  for (std::size_t at = 1; at < global_report().size(); ++at) {
    SCOPED_TRACE(at);
    expect_both(nested(global_report(), first_report(), at), global_report(), first_report());
  }
}

TEST(Braid, LineByLine) {
  expect_both(alternating(first_report(), second_report()), first_report(), second_report());
  expect_both(alternating(second_report(), first_report()), second_report(), first_report());
  expect_both(alternating(global_report(), first_report()), global_report(), first_report());
  expect_both(alternating(global_report("a", 1), global_report("b", 2)), global_report("a", 1), global_report("b", 2));
}

// A third report whose first lines were suppressed comes between.
TEST(Braid, KillOfNeitherIsOneOfItsOwn) {
  auto mixed = nested(first_report(), second_report(), 8);
  mixed.insert(mixed.begin() + 25,
               "Memory cgroup out of memory: Killed process 77 (c) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
               "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0");
  const auto document = parse_text(joined(mixed, "[   12.345678] "));
  ASSERT_EQ(document.incidents.size(), 3U);
  EXPECT_EQ(core(document.incidents[0]), alone(first_report()));
  EXPECT_EQ(core(document.incidents[1]), alone(second_report()));
  EXPECT_EQ(document.incidents[2].victims.at(0).pid, 77);
}

// What one of them says is its own, or is not there and said to be missing.
void expect_facts_of(const Incident& found, const Incident& whole) {
  const auto subset = [](const auto& some, const auto& all) { return !some || some == all; };
  EXPECT_EQ(found.trigger.comm, whole.trigger.comm);
  EXPECT_TRUE(subset(found.trigger.pid, whole.trigger.pid));
  ASSERT_EQ(found.victims.size(), 1U);
  EXPECT_EQ(found.victims[0].pid, whole.victims[0].pid);
  EXPECT_EQ(found.victims[0].anon_rss_bytes, whole.victims[0].anon_rss_bytes);
  if (whole.cgroup) {
    ASSERT_TRUE(found.cgroup);
    EXPECT_EQ(found.cgroup->oom_memcg, whole.cgroup->oom_memcg);
    EXPECT_EQ(found.cgroup->task_memcg, whole.cgroup->task_memcg);
    EXPECT_TRUE(!found.cgroup->memory || found.cgroup->memory->limit_bytes == whole.cgroup->memory->limit_bytes);
    EXPECT_TRUE(found.cgroup->stat.empty() || found.cgroup->stat == whole.cgroup->stat);
  }
  EXPECT_TRUE(found.call_trace.empty() || found.call_trace == whole.call_trace);
  ASSERT_TRUE(found.tasks.empty() || found.tasks.size() == whole.tasks.size());
  for (std::size_t i = 0; i < found.tasks.size(); ++i) {
    EXPECT_EQ(found.tasks[i].pid, whole.tasks[i].pid);
  }
  EXPECT_EQ(found.complete, found.missing.empty());
}

// Of a kernel before 4.6, the last that can mix them.
Lines unnamed_flags(Lines lines) {
  lines[0].replace(lines[0].find("0xcc0(GFP_KERNEL)"), 17, "0xd0");
  return lines;
}

TEST(Braid, AtRandomNothingIsMergedWrongly) {
  const std::pair<Lines, Lines> kPairs[] = {{unnamed_flags(first_report()), unnamed_flags(second_report())},
                                            {global_report(), unnamed_flags(second_report())}};
  for (const auto& [a, b] : kPairs) {
    const auto whole_a = parse_text(joined(a)).incidents.at(0);
    const auto whole_b = parse_text(joined(b)).incidents.at(0);
    for (unsigned seed = 0; seed < 1000; ++seed) {
      SCOPED_TRACE(seed);
      std::mt19937 random(seed);
      Lines mixed;
      for (std::size_t i = 0, j = 0; i < a.size() || j < b.size();) {
        const bool from_a = j == b.size() || (i < a.size() && (i == 0 || random() % 2 == 0));
        mixed.push_back(from_a ? a[i++] : b[j++]);
      }
      const auto document = parse_text(joined(mixed, "[   12.345678] "));
      ASSERT_EQ(document.incidents.size(), 2U) << joined(mixed);
      expect_facts_of(document.incidents[0], whole_a);
      expect_facts_of(document.incidents[1], whole_b);
      const bool whole = document.incidents[0].complete && document.incidents[1].complete;
      EXPECT_TRUE(whole || !document.warnings.empty()) << joined(mixed);
      if (HasFailure()) {
        FAIL() << joined(mixed);
      }
    }
  }
}

TEST(Braid, CutReportIsNotFilledFromTheNext) {
  for (std::size_t at = 1; at + 1 < first_report().size(); ++at) {
    SCOPED_TRACE(at);
    auto lines = first_report();
    lines.resize(at);
    for (const auto& line : second_report()) {
      lines.push_back(line);
    }
    const auto document = parse_text(joined(lines, "[   12.345678] "));
    ASSERT_EQ(document.incidents.size(), 2U);
    EXPECT_EQ(document.incidents[0].trigger.comm, "alpha");
    EXPECT_FALSE(document.incidents[0].complete);
    EXPECT_EQ(core(document.incidents[1]), alone(second_report()));
  }
}

// The same cgroup reaches its limit again and again, and each time the end of the report is lost.
TEST(Braid, CutReportsOfOneCgroupAreNotMixed) {
  for (std::size_t at = 1; at + 1 < first_report().size(); ++at) {
    SCOPED_TRACE(at);
    Lines lines;
    for (const auto& [comm, pid] : {std::pair{"first", 11}, {"second", 12}, {"third", 13}}) {
      auto report = memcg_report(comm, pid, "/a");
      report.resize(pid == 13 ? report.size() : at);
      lines.insert(lines.end(), report.begin(), report.end());
    }
    const auto document = parse_text(joined(lines, "[   12.345678] "));
    ASSERT_EQ(document.incidents.size(), 3U);
    EXPECT_EQ(document.incidents[0].trigger.comm, "first");
    EXPECT_EQ(document.incidents[1].trigger.comm, "second");
    EXPECT_EQ(core(document.incidents[2]), alone(memcg_report("third", 13, "/a")));
    EXPECT_TRUE(document.warnings.empty());
  }
}

// The first line of a report and its end are lost, the next is whole but for its rows, and then a third is.
TEST(Braid, ReportsWithoutTheirNamesAreNotMixed) {
  auto first = memcg_report("first", 11, "/a");
  first.erase(first.begin(), first.begin() + 2);
  first.resize(first.size() - 3);
  auto second = memcg_report("second", 12, "/a");
  second.erase(second.begin() + 14);
  auto lines = first;
  lines.insert(lines.end(), second.begin(), second.end());
  const auto third = memcg_report("third", 13, "/a");
  lines.insert(lines.end(), third.begin(), third.end());
  const auto document = parse_text(joined(lines, "[   12.345678] "));
  ASSERT_EQ(document.incidents.size(), 3U);
  EXPECT_EQ(document.incidents[0].cgroup->oom_memcg, "/a");
  EXPECT_EQ(core(document.incidents[1]), alone(second));
  EXPECT_EQ(core(document.incidents[2]), alone(third));
  EXPECT_TRUE(document.warnings.empty());
}

}  // namespace
}  // namespace forensics

#include "forensics/live_log.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace forensics {
namespace {

// A report of a memory cgroup as /dev/kmsg has it, numbered from `first` on.
std::vector<std::string> report(std::uint64_t first, std::uint64_t second, const std::string& id, int pid) {
  const std::vector<std::string> lines = {
      fmt::format("app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0"),
      "memory: usage 32768kB, limit 32768kB, failcnt 12",
      "swap: usage 0kB, limit 0kB, failcnt 0",
      fmt::format("Memory cgroup stats for /docker/{}:", id),
      "anon 33000000",
      "Tasks state (memory values in pages):",
      "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
      fmt::format("[{:7}]     0 {:5}    10240     8100     8000      100         0   114688        0             0 app",
                  pid, pid),
      fmt::format(
          "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset={0},mems_allowed=0,oom_memcg=/docker/{0},"
          "task_memcg=/docker/{0},task=app,pid={1},uid=0",
          id, pid),
      fmt::format("Memory cgroup out of memory: Killed process {} (app) total-vm:40960kB, anon-rss:32000kB, "
                  "file-rss:400kB, shmem-rss:0kB, UID:0 pgtables:112kB oom_score_adj:0",
                  pid)};
  std::vector<std::string> records;
  for (const auto& line : lines) {
    records.push_back(
        fmt::format("6,{},{}000000,-,caller=T{};{}\n SUBSYSTEM=x\n", first + records.size(), second, pid, line));
  }
  return records;
}

std::string other(std::uint64_t sequence, std::uint64_t second) {
  return fmt::format("6,{},{}000000,-,caller=T1;eth0: link is up\n", sequence, second);
}

struct Reader {
  std::vector<LoggedIncident> told;
  LiveLog log{[this](LoggedIncident&& logged) { told.push_back(std::move(logged)); }};
  void add(const std::vector<std::string>& records) {
    for (const auto& record : records) {
      log.add(record);
    }
  }
};

TEST(LiveLog, TellsAReportOnceItIsSilentWithItsRecords) {
  Reader reader;
  reader.log.add(other(10, 1));
  reader.add(report(11, 2, "aa", 100));
  EXPECT_TRUE(reader.told.empty()) << "the reaper may still speak";
  EXPECT_EQ(reader.log.resume_at(), 10U) << "a restart has to see the report again";
  reader.log.pause();
  ASSERT_EQ(reader.told.size(), 1U);
  const auto& logged = reader.told[0];
  EXPECT_EQ(logged.first_sequence, 11U);
  EXPECT_EQ(logged.last_sequence, 20U);
  EXPECT_EQ(logged.lost, 0U);
  EXPECT_EQ(logged.incident.log.first_line, 1U);
  EXPECT_EQ(logged.incident.log.last_line, 10U);
  EXPECT_EQ(std::ranges::count(logged.records, '\n'), 10) << "without the dictionary lines";
  EXPECT_TRUE(logged.records.starts_with("6,11,2000000,-,caller=T100;app invoked oom-killer"));
  ASSERT_EQ(logged.incident.victims.size(), 1U);
  EXPECT_EQ(logged.incident.victims[0].pid, 100);
  EXPECT_EQ(reader.log.resume_at(), 21U);
}

TEST(LiveLog, AnOpenReportIsReadAgainByTheNextReader) {
  Reader reader;
  reader.log.add(other(10, 1));
  reader.log.pause();
  EXPECT_EQ(reader.log.resume_at(), 11U);
  const auto records = report(11, 2, "aa", 100);
  reader.add({records.begin(), records.begin() + 5});
  reader.log.pause();
  EXPECT_TRUE(reader.log.is_inside_report());
  EXPECT_EQ(reader.log.resume_at(), 11U);
}

TEST(LiveLog, TwoReportsAreTwoIncidents) {
  Reader reader;
  reader.add(report(1, 2, "aa", 100));
  reader.add(report(11, 3, "bb", 200));
  reader.log.finish();
  ASSERT_EQ(reader.told.size(), 2U);
  EXPECT_EQ(reader.told[0].first_sequence, 1U);
  EXPECT_EQ(reader.told[1].first_sequence, 11U);
  EXPECT_EQ(reader.told[1].incident.cgroup->task_memcg, "/docker/bb");
  EXPECT_EQ(reader.told[1].incident.log.first_line, 1U);
}

TEST(LiveLog, CountsWhatWasOverwritten) {
  Reader reader;
  reader.log.add(other(1, 1));
  reader.log.add(other(40, 2));
  reader.add(report(41, 3, "aa", 100));
  reader.log.finish();
  ASSERT_EQ(reader.told.size(), 1U);
  EXPECT_EQ(reader.told[0].lost, 38U);
}

TEST(LiveLog, PassesOverWhatIsNoRecord) {
  Reader reader;
  for (const auto* text : {"", "\n", "no record", "6,x,1,-;text\n", "6,18446744073709551616,1,-;text\n"}) {
    reader.log.add(text);
  }
  reader.log.finish();
  EXPECT_TRUE(reader.told.empty());
  EXPECT_FALSE(reader.log.resume_at());
  EXPECT_EQ(reader.log.records(), 0U);
}

TEST(LiveLog, WhatItKeepsOfAReportIsBounded) {
  Reader reader;
  auto records = report(1, 2, "aa", 100);
  reader.add({records.begin(), records.begin() + 2});
  const std::string filler(900, 'x');
  for (std::uint64_t i = 0; i < 6000; ++i) {
    reader.log.add(fmt::format("6,{},2000000,-,caller=T1;{}\n", 100 + i, filler));
  }
  for (std::size_t i = 2; i < records.size(); ++i) {
    records[i].replace(2, records[i].find(',', 2) - 2, fmt::format("{}", 7000 + i));
    reader.log.add(records[i]);
  }
  reader.log.finish();
  ASSERT_FALSE(reader.told.empty());
  EXPECT_LE(reader.told[0].records.size(), (std::size_t{4} << 20) + 1000);
  EXPECT_GE(reader.told[0].incident.log.first_line, 1U);
}

}  // namespace
}  // namespace forensics

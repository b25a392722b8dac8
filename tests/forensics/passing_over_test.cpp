// What is passed over must not change what is found: the search for candidates, the survey by threads, the sandboxed
// shortcuts of a log's reading.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/analyze.h"
#include "forensics/candidates.h"
#include "forensics/json.h"
#include "forensics/line_reader.h"
#include "forensics/survey.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

namespace fs = std::filesystem;

struct CandidateCase {
  const char* name;
  std::string line;
  bool found;
};

class Candidates : public ::testing::TestWithParam<CandidateCase> {};

TEST_P(Candidates, AreFoundAnywhere) {
  const auto& row = GetParam();
  // At every offset in the vector's steps, and across their ends.
  for (std::size_t before = 0; before < 70; ++before) {
    const std::string text = std::string(before, 'o') + "\n" + row.line + "\nnothing here";
    const auto found = find_candidate(text);
    EXPECT_EQ(found != std::string::npos, row.found) << before;
    EXPECT_EQ(found, find_candidate_plainly(text)) << before;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, Candidates,
    ::testing::Values(
        CandidateCase{"Trigger", "stress invoked oom-killer: gfp_mask=0xcc0, order=0", true},
        CandidateCase{"Summary", "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null)", true},
        CandidateCase{"Kill", "Out of memory: Killed process 1 (x)", true},
        CandidateCase{"BareKill", "Killed process 1 (x) total-vm:1kB", true},
        CandidateCase{"OldDecision", "Out of memory: Kill process 1 (x) score 1 or sacrifice child", true},
        CandidateCase{"MemcgKill", "Memory cgroup out of memory: Killed process 1 (x)", true},
        CandidateCase{"Mempolicy", "No available memory (MPOL_BIND): kill process 1 (x) score 1 or a child", true},
        CandidateCase{"Cpuset", "No available memory in cpuset: kill process 1 (x) score 1 or a child", true},
        CandidateCase{"V1Limit", "Task in /a killed as a result of limit of /a", true},
        CandidateCase{"Table", "[ pid ]   uid  tgid total_vm      rss", true},
        CandidateCase{"Deadlock", "Kernel panic - not syncing: System is deadlocked on memory", true},
        CandidateCase{"Sysrq", "sysrq: Manual OOM execution", true},
        CandidateCase{"Suppressed", "oom_kill_process: 3 callbacks suppressed", true},
        CandidateCase{"Boot", "Linux version 6.1.0-13-amd64 (debian-kernel@lists.debian.org)", true},
        CandidateCase{"AllocationFailure", "x: page allocation failure: order:4, mode:0x40cc0", true},
        CandidateCase{"Earlyoom", "sending SIGTERM to process 1 uid 0 \"x\": badness 1", true},
        CandidateCase{"SystemdOomd", "systemd-oomd[1]: Killed /user.slice due to memory pressure", true},
        CandidateCase{"JournalBinary", "{\"MESSAGE\":[75,105,108,108]}", true},
        CandidateCase{"Room", "the room is full of memories of a killed fly", false},
        CandidateCase{"JournalText", "{\"MESSAGE\":\"Started session\"}", false},
        CandidateCase{"Cut", "oom-kil", false}),
    [](const auto& row) { return row.param.name; });

TEST(CandidatesProperty, BothWaysAgreeOnNoise) {
  std::mt19937 random(1);
  constexpr std::string_view kLetters = "oOmM-kilKILed_ \n\"SAGEutf";
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 300, ' ');
    for (auto& c : text) {
      c = kLetters[random() % kLetters.size()];
    }
    if (round % 3 == 0) {
      text.insert(random() % (text.size() + 1), "oom-kill");
    }
    EXPECT_EQ(find_candidate(text), find_candidate_plainly(text)) << text;
    EXPECT_EQ(count_newlines(text), static_cast<std::uint64_t>(std::ranges::count(text, '\n')));
  }
}

// Lines of a host's other programs; every fifth seed has words that look like candidates.
std::string noise(std::size_t bytes, unsigned seed) {
  std::mt19937 random(seed);
  constexpr const char* kLines[] = {
      "Nov 21 14:20:01 node7 CRON[14608]: (root) CMD (true)\n",
      "Nov 21 14:20:02 node7 sshd[1]: Accepted publickey for root from 10.0.0.1 port 4711\n",
      "Nov 21 14:20:04 node7 kernel: [   12.345678] eth0: link up\n",
      "\n",
      "Nov 21 14:20:05 node7 systemd[1]: Started OOM watcher of nothing\n",
      "Nov 21 14:20:03 node7 app[7]: java.lang.OutOfMemoryError: the room for memories is full, page allocation none\n",
  };
  std::string text;
  while (text.size() < bytes) {
    text += kLines[random() % (seed % 5 == 0 ? std::size(kLines) : std::size(kLines) - 2)];
  }
  return text;
}

// A report as syslog has it, at a place in time of its own.
std::string report_at(int index) {
  const int stamp = 1000 + index * 100;
  const auto line = [&](const std::string& text) {
    return "Nov 21 14:22:56 node7 kernel: [ " + std::to_string(stamp) + ".000001] " + text + "\n";
  };
  const auto pid = std::to_string(5000 + index);
  return line("worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0") +
         line("memory: usage 32768kB, limit 32768kB, failcnt 24") + line("Memory cgroup stats for /job:") +
         line("Tasks state (memory values in pages):") +
         line("[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name") +
         line("[   " + pid + "]     0  " + pid + "    10000     8000    90112        0             0 worker") +
         line(
             "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/job,task_memcg=/"
             "job,"
             "task=worker,pid=" +
             pid + ",uid=0") +
         line("Memory cgroup out of memory: Killed process " + pid +
              " (worker) total-vm:40000kB, anon-rss:32000kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:88kB "
              "oom_score_adj:0");
}

// A log of many megabytes with reports here and there: at its start, across the borders of ranges, at its end.
std::string large_log(std::size_t bytes) {
  std::string text = report_at(0);
  int index = 1;
  while (text.size() < bytes) {
    text += noise(100'000 + (static_cast<std::size_t>(index) * 77'777) % 900'000, static_cast<unsigned>(index));
    if (index % 3 == 0) {
      const auto report = report_at(index);
      const auto border = (text.size() / SurveyedFile::kRange + 1) * SurveyedFile::kRange;
      const auto gap = border - text.size();
      if (gap > 200) {
        text += std::string(gap - 1 - (85 + static_cast<std::size_t>(index) * 7 % 40), 'x') + "\n";
      }
      // Every other one is a kill line alone, whose first words stand before a border that the line crosses.
      text += index % 2 == 0 ? report : report.substr(report.rfind('\n', report.size() - 2) + 1);
    }
    ++index;
  }
  return text + report_at(index);
}

base::Fd file_of(const fs::path& path, std::string_view text) {
  EXPECT_TRUE(base::write_file_atomic(path, text));
  return *base::open_for_reading(path);
}

std::string analyzed(std::vector<Source> sources, unsigned jobs) {
  const auto document = analyze(sources, {.jobs = jobs});
  EXPECT_TRUE(document);
  return to_json(*document);
}

TEST(PassingOver, AnyNumberOfThreadsGivesTheSameDocument) {
  const auto scratch = base::ScratchDir::create("oomlab-passing");
  ASSERT_TRUE(scratch);
  const auto text = large_log(std::size_t{12} << 20);
  const auto path = scratch->path() / "large.log";
  const auto with = [&](unsigned jobs) {
    std::vector<Source> sources;
    sources.push_back({.name = "large.log", .fd = file_of(path, text), .bytes = {}, .carrier = {}});
    return analyzed(std::move(sources), jobs);
  };
  const auto one = with(1);
  EXPECT_EQ(with(2), one);
  EXPECT_EQ(with(7), one);
  std::vector<Source> in_memory;
  in_memory.push_back({.name = "large.log", .fd = {}, .bytes = text, .carrier = {}});
  EXPECT_EQ(analyzed(std::move(in_memory), 1), one);
}

TEST(PassingOver, FindsEveryReportAndCountsEveryLine) {
  auto text = large_log(std::size_t{9} << 20);
  std::vector<Source> sources;
  sources.push_back({.name = "-", .fd = {}, .bytes = text, .carrier = {}});
  const auto document = analyze(sources);
  ASSERT_TRUE(document);
  std::size_t reports = 0;
  for (auto at = text.find("Killed process"); at != std::string::npos; at = text.find("Killed process", at + 1)) {
    ++reports;
    const auto line =
        static_cast<std::uint64_t>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n')) + 1;
    ASSERT_LE(reports, document->incidents.size());
    const auto& log = document->incidents[reports - 1].log;
    EXPECT_EQ(log.last_line, line);
    EXPECT_TRUE(log.first_line == line || log.first_line == line - 7);
  }
  EXPECT_EQ(document->incidents.size(), reports);
  EXPECT_GE(reports, 4U);
  EXPECT_EQ(document->inputs[0].lines, static_cast<std::uint64_t>(std::ranges::count(text, '\n')));
  EXPECT_EQ(document->inputs[0].bytes, text.size());
}

// Every real log, alone and among what other programs said, gives the same incidents.
TEST(PassingOver, RealLogsAmongNoiseAreTheSame) {
  const auto folder = fs::path(OOMLAB_SOURCE_DIR) / "tests/fixtures/logs";
  std::size_t compared = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".kmsg") {
      continue;
    }
    const auto log = base::read_all(entry.path());
    ASSERT_TRUE(log);
    const auto incidents = [](std::string text) {
      std::vector<Source> sources;
      sources.push_back({.name = "-", .fd = {}, .bytes = std::move(text), .carrier = {}});
      auto document = *analyze(sources);
      for (auto& incident : document.incidents) {
        testing::forget_lines(incident);
      }
      document.inputs.clear();
      document.warnings.clear();
      return to_json(document);
    };
    EXPECT_EQ(incidents(noise(300'000, 1) + *log + noise(700'000, 2)), incidents(*log)) << entry.path();
    ++compared;
  }
  EXPECT_GE(compared, 10U);
}

struct LineCase {
  const char* name;
  std::string before;  // what stands before the line of interest
};

class OfInterest : public ::testing::TestWithParam<LineCase> {};

TEST_P(OfInterest, LinesKeepTheirNumbers) {
  const std::string text = GetParam().before + "a oom-kill b\nlast";
  LineReader all(source_of_memory(text));
  std::uint64_t number = 0;
  std::uint64_t lines = 0;
  for (auto line = *all.next(); line; line = *all.next()) {
    number = line->text.starts_with("a oom-kill") ? line->number : number;
    lines = line->number;
  }
  LineReader some(source_of_memory(text));
  bool found = false;
  for (auto line = *some.next_of_interest(); line; line = *some.next_of_interest()) {
    if (line->text == "a oom-kill b") {
      EXPECT_EQ(line->number, number);
      found = true;
    }
  }
  EXPECT_TRUE(found);
  EXPECT_EQ(some.lines(), lines);
  EXPECT_EQ(some.bytes(), text.size());
}

INSTANTIATE_TEST_SUITE_P(Table, OfInterest,
                         ::testing::Values(LineCase{"Nothing", ""}, LineCase{"AFewLines", "1\n2\n\n4\n"},
                                           LineCase{"MoreThanItKeeps", noise(100'000, 3)},
                                           LineCase{"SeveralBlocks", noise(900'000, 4)},
                                           LineCase{"ALongLine", std::string(700'000, 'x') + "\n"},
                                           LineCase{"AnEndlessLine", std::string(3'000'000, 'x') + "\n1\n"},
                                           LineCase{"AByteOrderMark", "\xEF\xBB\xBFone\n"}),
                         [](const auto& row) { return row.param.name; });

TEST(PassingOver, AFileThatShrinksMeanwhileIsReadToItsNewEnd) {
  const auto scratch = base::ScratchDir::create("oomlab-passing");
  ASSERT_TRUE(scratch);
  const auto path = scratch->path() / "log";
  const auto text = noise(std::size_t{10} << 20, 5);
  const auto fd = file_of(path, text);
  auto file = SurveyedFile::open(fd.get(), 2);
  ASSERT_NE(file, nullptr);
  constexpr off_t kLeft = 1'000'000;
  ASSERT_EQ(::truncate(path.c_str(), kLeft), 0);
  LineReader reader(std::move(file));
  std::uint64_t last = 0;
  while (const auto line = *reader.next_of_interest()) {
    last = line->number;
  }
  EXPECT_LE(last, reader.lines());
  EXPECT_LE(reader.bytes(), text.size());
}

}  // namespace
}  // namespace forensics

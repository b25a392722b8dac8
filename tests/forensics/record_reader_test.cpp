#include "forensics/record_reader.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/parallel.h"
#include "forensics/analyze.h"
#include "forensics/json.h"

namespace forensics {
namespace {

Source in_memory(std::string text) {
  return {.name = "log", .fd = {}, .bytes = std::move(text), .carrier = {}};
}

std::string line_at(double second, std::string_view text) {
  return fmt::format("Nov 21 14:22:56 node7 kernel: [{:12.6f}] {}\n", second, text);
}

// A report with a table of that many tasks.
std::string report_at(double second, int tasks) {
  auto text = line_at(second, "worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0") +
              line_at(second, "Mem-Info:") + line_at(second, "Tasks state (memory values in pages):") +
              line_at(second, "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name");
  for (int i = 0; i < tasks; ++i) {
    text += line_at(second, fmt::format("[{0:7}]     0 {0:7} {1:8} {2:8} {3:8}        0             0 worker-{0}",
                                        1000 + i, 9000 + i, 300 + i * 7 % 90, 4096 * (1 + i % 5)));
  }
  return text +
         line_at(second, fmt::format("Out of memory: Killed process {} (worker-{}) total-vm:36000kB, anon-rss:1200kB, "
                                     "file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0",
                                     1000 + tasks / 2, 1000 + tasks / 2));
}

// Reports of all sizes; between some of them as many lines of others as end a report, between some more than a block.
std::string dense_log() {
  std::string text;
  for (int i = 0; i < 90; ++i) {
    const double second = 100 + i * 50;
    text += report_at(second, (i * 37) % 400);
    for (int others = i % 3 == 0 ? 0 : i % 3 == 1 ? 320 : (i * 211) % 3000; others > 0; --others) {
      text += fmt::format("Nov 21 14:22:57 node7 app[{}]: the room for memories is full\n", others);
    }
  }
  return text;
}

std::string analyzed(const std::string& text, unsigned jobs) {
  std::vector<Source> sources;
  sources.push_back(in_memory(text));
  const auto document = analyze(sources, {.jobs = jobs});
  EXPECT_TRUE(document);
  return to_json(*document);
}

std::vector<std::string> records_of(const std::string& text, unsigned jobs) {
  const auto source = in_memory(text);
  RecordReader reader(source, {.jobs = jobs, .live = false, .progress = {}, .before_wait = {}});
  std::vector<std::string> records;
  while (true) {
    const auto read = reader.next(false);
    EXPECT_TRUE(read);
    if (!read || *read == nullptr) {
      return records;
    }
    const auto& record = (*read)->record;
    records.push_back(fmt::format("{} {} {} {}|{}|{}", (*read)->line, (*read)->length, (*read)->ended, record.host,
                                  record.tag, record.message));
  }
}

TEST(RecordReader, GivesTheSameDocumentForAnyNumberOfThreads) {
  const auto text = dense_log();
  const auto one = analyzed(text, 1);
  for (int round = 0; round < 5; ++round) {
    EXPECT_TRUE(analyzed(text, 2) == one);  // EXPECT_EQ would look for the differences of megabytes
    EXPECT_TRUE(analyzed(text, 5) == one);
  }
}

TEST(RecordReader, GivesEveryLineOfALogThatIsWatched) {
  const auto text = dense_log();
  const auto records = records_of(text, 1);
  EXPECT_EQ(records.size(), static_cast<std::size_t>(std::ranges::count(text, '\n')));
  EXPECT_TRUE(records_of(text, 2) == records);
  EXPECT_EQ(records.front(),
            "1 124 true node7||worker invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0");
}

TEST(RecordReader, MayBeLeftInTheMiddle) {
  const auto source = in_memory(dense_log());
  for (int count = 0; count < 40; ++count) {
    RecordReader reader(source, {.jobs = 2, .live = false, .progress = {}, .before_wait = {}});
    for (int i = 0; i < count * 60; ++i) {
      ASSERT_TRUE(reader.next(i % 2 == 0));
    }
  }
}

// As in a container at its limit of processes.
TEST(RecordReader, DoesWithoutAThreadWhereThereIsNone) {
  const auto scratch = base::ScratchDir::create("oomlab-records");
  ASSERT_TRUE(scratch);
  auto text = dense_log();
  while (text.size() < std::size_t{9} << 20) {  // large enough to be looked through by threads
    text += std::string(text);
  }
  const auto path = scratch->path() / "large.log";
  ASSERT_TRUE(base::write_file_atomic(path, text));
  const auto with = [&](unsigned jobs, base::Fd file) {
    std::vector<Source> sources;
    sources.push_back({.name = "large.log", .fd = std::move(file), .bytes = {}, .carrier = {}});
    sources.push_back(in_memory(text.substr(0, 100'000)));
    const auto document = analyze(sources, {.jobs = jobs});
    return document ? to_json(*document) : document.error().message;
  };
  const auto one = with(1, *base::open_for_reading(path));
  constexpr int kHasThreads = 77;
  const auto in_child = [&]() noexcept {
    auto file = *base::open_for_reading(path);
    const rlimit none{};
    ::setrlimit(RLIMIT_NPROC, &none);
    if (::geteuid() == 0 && ::setuid(65534) != 0) {  // root has no such limit
      return kHasThreads;
    }
    std::vector<std::jthread> threads;
    return base::start_thread(threads, [] {}) ? kHasThreads : with(4, std::move(file)) == one ? 0 : 1;
  };
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(in_child());
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kHasThreads) {
    GTEST_SKIP() << "the number of threads cannot be limited here";
  }
  EXPECT_EQ(status, 0);
}

TEST(RecordReader, TellsOfALastLineThatMayBeCut) {
  for (const unsigned jobs : {1U, 2U}) {
    EXPECT_EQ(records_of("Nov 21 14:22:56 h kernel: one\nNov 21 14:22:56 h kernel: tw", jobs),
              (std::vector<std::string>{"1 29 true h||one", "2 28 false h||tw"}));
  }
}

TEST(RecordReader, AnErrorOfReadingComesBehindNothing) {
  for (const unsigned jobs : {1U, 2U}) {
    auto folder = base::open_for_reading("/proc/self");
    ASSERT_TRUE(folder) << folder.error().message;
    const Source source{.name = "a folder", .fd = std::move(*folder), .bytes = {}, .carrier = {}};
    RecordReader reader(source, {.jobs = jobs, .live = false, .progress = {}, .before_wait = {}});
    const auto read = reader.next(true);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().message, "a folder: read: Is a directory");
    EXPECT_FALSE(reader.next(true)) << "and stays one";
  }
}

}  // namespace
}  // namespace forensics

#pragma once

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "forensics/analyze.h"

// What the tests of the parser share.
namespace forensics::testing {

// The document of a text.
inline Postmortem parse_text(std::string text, std::optional<std::string> carrier = {}) {
  std::vector<Source> sources;
  sources.push_back({.name = "test", .fd = {}, .bytes = std::move(text), .carrier = std::move(carrier)});
  auto document = analyze(sources);
  EXPECT_TRUE(document) << (document ? "" : document.error().message);
  return document ? std::move(*document) : Postmortem{};
}

// A memory cgroup's report as Linux 6.12 prints it, without any carrier.
inline std::vector<std::string> memcg_report(const std::string& comm = "python3", int pid = 4242,
                                             const std::string& memcg = "/app.slice/w.service") {
  const auto id = std::to_string(pid);
  return {
      comm + " invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
      "CPU: 3 UID: 1000 PID: " + id + " Comm: " + comm + " Not tainted 6.12.9 #1",
      "Call Trace:",
      " <TASK>",
      " dump_stack_lvl+0x64/0x80",
      " mem_cgroup_out_of_memory+0x12d/0x160",
      " </TASK>",
      "memory: usage 65536kB, limit 65536kB, failcnt 212",
      "swap: usage 0kB, limit 0kB, failcnt 0",
      "Memory cgroup stats for " + memcg + ":",
      "anon 65585152",
      "file 0",
      "Tasks state (memory values in pages):",
      "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
      "[   " + id + "]  1000  " + id +
          "    27712    18219    16012     2207         0   208896        0             0 " + comm,
      "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=" + memcg +
          ",task_memcg=" + memcg + ",task=" + comm + ",pid=" + id + ",uid=1000",
      "Memory cgroup out of memory: Killed process " + id + " (" + comm +
          ") total-vm:110848kB, anon-rss:64048kB, file-rss:8828kB, shmem-rss:0kB, UID:1000 pgtables:204kB "
          "oom_score_adj:0",
  };
}

inline std::string joined(const std::vector<std::string>& lines, const std::string& prefix = {}) {
  std::string text;
  for (const auto& line : lines) {
    text += prefix + line + "\n";
  }
  return text;
}

}  // namespace forensics::testing

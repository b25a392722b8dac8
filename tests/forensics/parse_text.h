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

// A global report of a 3.10 kernel, which has no summary.
inline std::vector<std::string> global_report(const std::string& comm = "java", int pid = 2231) {
  const auto id = std::to_string(pid);
  return {
      comm + " invoked oom-killer: gfp_mask=0x201da, order=0, oom_score_adj=0",
      comm + " cpuset=/ mems_allowed=0",
      "CPU: 1 PID: " + id + " Comm: " + comm + " Not tainted 3.10.0-327.el7.x86_64 #1",
      "Hardware name: QEMU Standard PC",
      " ffff8807f0d6b980 0000000051be382e ffff88039bc07ca8 ffffffff8163515c",
      "Call Trace:",
      "[<ffffffff8163515c>] dump_stack+0x19/0x1b",
      "[<ffffffff816300fc>] dump_header+0x8e/0x214",
      "[<ffffffff8116ce7e>] oom_kill_process+0x24e/0x3b0",
      "[<ffffffff81173e9b>] __alloc_pages_nodemask+0xa95/0xb90",
      "Mem-Info:",
      "active_anon:210455 inactive_anon:243 isolated_anon:0",
      " active_file:11 inactive_file:12 isolated_file:0",
      " unevictable:0 dirty:0 writeback:0 unstable:0",
      " free:12345 slab_reclaimable:1 slab_unreclaimable:2",
      " mapped:3 shmem:4 pagetables:5 bounce:0",
      "Node 0 DMA free:15892kB min:28kB low:32kB high:40kB active_anon:0kB all_unreclaimable? yes",
      "lowmem_reserve[]: 0 3211 32248 32248",
      "Node 0 DMA: 1*4kB (U) 0*8kB 1*16kB (U) 1*64kB (R) = 84kB",
      "94990 total pagecache pages",
      "Free swap  = 0kB",
      "Total swap = 0kB",
      "524158 pages RAM",
      "12345 pages reserved",
      "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
      "[" + id + "]    26  " + id + "   500123   210455     702        0             0 " + comm,
      "[   99]     0    99     1000      100       5        0         -1000 sshd",
      "Out of memory: Kill process " + id + " (" + comm + ") score 858 or sacrifice child",
      "Killed process " + id + " (" + comm + ") total-vm:2000492kB, anon-rss:841820kB, file-rss:0kB",
  };
}

inline std::string joined(const std::vector<std::string>& lines, const std::string& prefix = {}) {
  std::string text;
  for (const auto& line : lines) {
    text += prefix + line + "\n";
  }
  return text;
}

// Forgets in which lines of the log a report stood, which depends on what carries it.
inline void forget_lines(Incident& incident) {
  incident.log = {};
  for (auto& finding : incident.diagnosis) {
    finding.lines.clear();
  }
}

}  // namespace forensics::testing

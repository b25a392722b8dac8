#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// How a report ends: mm/oom_kill.c oom_kill_process(), __oom_kill_process(), oom_reap_task(), out_of_memory().
namespace forensics::lines {

// Who ran out, by the words in front of "Kill process" and "Killed process".
enum class Domain { unknown, global, allocating, memcg, cpuset, mempolicy };

// "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a,task=x,pid=1,uid=0"
// (5.0+).
struct Summary {
  std::string_view constraint;
  std::optional<std::string_view> nodemask, oom_memcg, task_memcg, task;
  bool global_oom = false;
  std::optional<std::int64_t> pid, uid;
};
// "Out of memory: Kill process 2231 (java) score 858 or sacrifice child" (until 5.0).
struct Decision {
  Domain domain = Domain::unknown;
  std::int64_t pid = 0;
  std::optional<std::string_view> comm;
  std::optional<std::int64_t> score;
};
// "Memory cgroup out of memory: Killed process 4242 (x) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB, UID:0
// pgtables:4kB oom_score_adj:0".
struct Kill {
  Domain domain = Domain::unknown;  // unknown until 5.0, where the line has no prefix
  bool prefixed = false;
  Victim victim;
};
// "Tasks in /a are going to be killed due to memory.oom.group set".
struct GroupKill {
  std::string_view path;
};
// "Memory cgroup out of memory: OOM victim 1 (x) is already exiting. Skip killing the task".
struct AlreadyExiting {
  std::int64_t pid = 0;
};
// "Kill process 12 (x) sharing same memory", "oom killer 1 (x) has mm pinned by 2 (y)".
struct SharedMemory {};
// "oom_reaper: reaped process 1 (x), now anon-rss:0kB, ..." and "oom_reaper: unable to reap pid:1 (x)".
struct Reaped {
  std::int64_t pid = 0;
  bool reaped = true;
};
// "Out of memory and no killable processes...".
struct NoKillable {};
// "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled".
struct OomPanic {
  bool memcg = false;
  bool trailer = false;  // "---[ end Kernel panic - ..." repeats the text
};

std::optional<Summary> parse_summary(std::string_view message);
std::optional<Decision> parse_decision(std::string_view message);
std::optional<Kill> parse_kill(std::string_view message);
std::optional<GroupKill> parse_group_kill(std::string_view message);
std::optional<AlreadyExiting> parse_already_exiting(std::string_view message);
std::optional<SharedMemory> parse_shared_memory(std::string_view message);
std::optional<Reaped> parse_reaped(std::string_view message);
std::optional<NoKillable> parse_no_killable(std::string_view message);
std::optional<OomPanic> parse_oom_panic(std::string_view message);

}  // namespace forensics::lines

#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// The memory cgroup's block: mm/memcontrol.c mem_cgroup_print_oom_context() and mem_cgroup_print_oom_meminfo().
namespace forensics::lines {

// "Task in /a/b killed as a result of limit of /a" (2.6.30 to 4.20); without a task: "Memory limit reached of cgroup
// /a".
struct MemcgLimit {
  std::optional<std::string_view> task_memcg;
  std::string_view oom_memcg;
};
// "memory: usage 65536kB, limit 65536kB, failcnt 212".
struct UsageLine {
  enum class Kind { memory, swap, memsw, kmem } kind = Kind::memory;
  Usage usage;
};
// "Memory cgroup stats for /a:", with the counters on the same line until 5.2.
struct StatsHeader {
  std::string_view path;
  cgroup::Counters counters;  // bytes
  bool inline_counters = false;
  bool cut = false;  // before the path, which was too long for the record
};
// "anon 65585152": one counter of memory.stat (5.3+). Of this shape are other lines too: only what follows a
// StatsHeader is meant.
struct StatCounter {
  std::string_view name;
  std::uint64_t value = 0;
};

std::optional<MemcgLimit> parse_memcg_limit(std::string_view message);
std::optional<UsageLine> parse_usage(std::string_view message);
std::optional<StatsHeader> parse_stats_header(std::string_view message);
std::optional<StatCounter> parse_stat_counter(std::string_view message);

// The value that the kernel prints for "no limit": LLONG_MAX, ULLONG_MAX or PAGE_COUNTER_MAX in kB, for every page
// size.
bool is_no_limit(std::uint64_t kilobytes);

}  // namespace forensics::lines

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cgroup/model.h"

// The post-mortem document as values: what every part of oomlab makes, and the JSON of docs/schema/postmortem-1.json
// holds. Rules: sizes in bytes, durations in seconds, a fact that the input does not state is nothing, what is derived
// stands in Analysis and Diagnosis. Strings hold raw bytes (carrier escapes undone); the writers escape them.
namespace forensics {

using Count = std::optional<std::uint64_t>;  // bytes where the name ends in _bytes
using Text = std::optional<std::string>;

struct Warning {
  std::string code;  // snake_case, stable
  std::string message;
  std::optional<std::size_t> input, line;  // index into inputs; 1-based line
};

struct Input {
  std::string name;  // as the user gave it, never made absolute
  Text carrier;      // dmesg, syslog, kmsg, ...; nothing when no line was understood
  Text compression;  // gzip, xz, zstd
  std::uint64_t bytes = 0, lines = 0;
};

struct Time {
  std::optional<double> monotonic_s;
  Text realtime;  // RFC 3339 as far as the carrier states it
  Text host;
};

struct Kernel {
  Text release, tainted, hardware;
};

struct GfpMask {
  Count value;
  Text text;                       // as printed, or by the tables when the log has no names
  std::vector<std::string> flags;  // single names
};

struct Trigger {
  Text comm;
  std::optional<std::int64_t> pid, cpu, order, oom_score_adj;
  Text nodemask;
  std::optional<GfpMask> gfp_mask;
};

// One "memory: usage, limit, failcnt" line. A sentinel for "no limit" is limit_bytes nothing and unlimited true.
struct Usage {
  Count usage_bytes, limit_bytes;
  bool unlimited = false;
  Count failcnt;
};

struct Owner {
  Text runtime, container_id, pod_uid, qos, unit, job;
};

struct CgroupReport {
  Text oom_memcg, task_memcg;
  std::optional<int> hierarchy;  // 1 or 2
  std::optional<Usage> memory, swap, memsw, kmem;
  cgroup::Counters stat;  // as printed, sizes in bytes; sums over the children's blocks on v1
  std::optional<Owner> owner;
};

// A named list of figures whose names the kernel chose: node and zone lines.
struct MemoryNode {
  std::int64_t node = 0;
  cgroup::Counters counters;  // bytes
  std::optional<bool> all_unreclaimable;
};

struct BuddyCount {
  std::uint64_t size_bytes = 0, free = 0;
  std::string types;  // letters as printed, "UME"
};

struct MemoryZone {
  std::optional<std::int64_t> node;  // nothing on a kernel without NUMA
  std::string name;
  cgroup::Counters counters;  // bytes: free, min, low, high, ...
  std::vector<std::uint64_t> lowmem_reserve_pages;
  std::vector<BuddyCount> buddy;
  Count buddy_total_bytes;
  std::optional<bool> all_unreclaimable;
};

struct HugepagePool {
  std::int64_t node = 0;
  std::uint64_t total = 0, free = 0, surplus = 0, size_bytes = 0;
};

struct SlabCache {
  std::string name;
  std::uint64_t used_bytes = 0, total_bytes = 0;
};

struct AllocationSite {  // a row of "Memory allocations:" (6.10+)
  std::uint64_t bytes = 0, calls = 0;
  std::string location;  // as printed
};

struct MemoryInfo {
  cgroup::Counters counters;  // the block after "Mem-Info:", in pages as printed
  std::vector<MemoryNode> nodes;
  std::vector<MemoryZone> zones;
  std::vector<HugepagePool> hugepages;
  Count pagecache_pages, swapcache_pages, swap_free_bytes, swap_total_bytes;
  Count ram_pages, highmem_pages, reserved_pages, cma_reserved_pages, hwpoisoned_pages;
  std::vector<SlabCache> slab;
  std::vector<AllocationSite> allocations;
};

struct Task {
  std::int64_t pid = 0;
  std::optional<std::int64_t> uid, tgid;
  Count total_vm_bytes, rss_bytes, rss_anon_bytes, rss_file_bytes, rss_shmem_bytes, pgtables_bytes, swap_bytes;
  std::optional<std::int64_t> oom_score_adj;
  std::string comm;
};

struct Victim {
  std::int64_t pid = 0;
  Text comm;
  std::optional<std::int64_t> uid;
  std::string role = "selected";  // selected | child | group | allocating
  std::optional<std::int64_t> score;
  Count total_vm_bytes, anon_rss_bytes, file_rss_bytes, shmem_rss_bytes, pgtables_bytes;
  std::optional<std::int64_t> oom_score_adj;
  std::optional<bool> reaped;
  Text task_memcg;
};

struct Part {
  std::string part;  // anon, shmem, file, slab_unreclaimable, ... , unaccounted
  std::uint64_t bytes = 0;
  double share = 0;  // of the usage (or of RAM)
};

struct Ranked {
  std::int64_t pid = 0;
  std::string comm;
  std::int64_t points = 0;  // pages
  double share = 0;         // of the points of all that are eligible
};

struct LimitOwner {
  Text cgroup;
  std::optional<std::int64_t> levels_above_victim;
};

struct Analysis {
  Count page_size_bytes;
  std::vector<Part> breakdown;
  std::vector<Ranked> ranking;
  std::optional<std::int64_t> victim_rank;
  std::optional<bool> victim_explained;
  Text allocation_path;
  std::optional<LimitOwner> limit_owner;
  std::uint64_t processes = 0;
};

struct Diagnosis {
  std::string code, title;
  double confidence = 0;  // 0 to 1
  std::vector<std::string> evidence, advice;
};

struct UnrecognizedLine {
  std::uint64_t line = 0;
  std::string text;
};

struct LogSpan {
  std::size_t input = 0;
  std::uint64_t first_line = 0, last_line = 0;
  std::uint64_t suppressed = 0;
  std::vector<UnrecognizedLine> unrecognized;  // at most 20
};

struct Incident {
  std::string kind = "oom_kill";  // oom_kill | no_victim | panic | allocation_failure | userspace_kill
  std::string scope = "unknown";  // memcg | global | cpuset | mempolicy | unknown
  bool manual = false;
  bool complete = false;
  std::vector<std::string> missing;
  std::uint64_t repeats = 1;
  Time time;
  Kernel kernel;
  Trigger trigger;
  std::vector<std::string> call_trace;
  std::optional<CgroupReport> cgroup;
  std::optional<MemoryInfo> memory_info;
  std::vector<Task> tasks;
  std::vector<Victim> victims;
  std::string killer = "kernel";
  Analysis analysis;
  std::string verdict;
  std::vector<Diagnosis> diagnosis;
  LogSpan log;
};

struct Observation {  // what a workload has seen of itself
  std::string step;   // "after the first free"
  std::string name;   // "arena"
  double value = 0;
  std::string unit;  // bytes, bytes/s, calls, ...
};

struct Workload {
  std::string name;
  std::vector<std::pair<std::string, std::string>> parameters;
  std::vector<Observation> observations;  // in the order they were made
};

struct RunLimits {
  Count memory_max_bytes, memory_high_bytes, memory_min_bytes, memory_low_bytes, memory_swap_max_bytes, zswap_max_bytes,
      pids_max;
  std::optional<bool> oom_group;
};

struct Outcome {
  std::string verdict =
      "not_started";  // completed | failed | signaled | oom_killed | thrashing | timed_out | interrupted | not_started
  std::optional<int> exit_code, signal;
  Count oom_kills;                    // processes killed in the cgroup, from memory.events
  std::vector<std::string> evidence;  // memory.events, kernel_log, wait_status
  Text reason;                        // one sentence where the verdict needs it
};

struct RunMemory {
  Count peak_bytes, swap_peak_bytes;
  std::optional<cgroup::MemoryEvents> events, events_local;
  std::optional<cgroup::SwapEvents> swap_events;
  cgroup::Counters stat_at_peak;
  std::optional<double> pressure_some_total_s, pressure_full_total_s;
};

struct Expectation {
  std::string expect;  // oom | fit
  bool met = false;
  std::string reason;
};

struct Vm {                 // how the micro-VM of a run was made; nothing on the host backend
  std::string accelerator;  // kvm | tcg
  std::string boot;         // snapshot | cold
  std::uint64_t memory_bytes = 0;
  std::uint64_t lab_failures = 0;  // retries that were needed
  std::vector<std::string> console_tail;
};

struct Run {
  std::optional<std::vector<std::string>> command;  // nothing for a built-in workload
  std::optional<Workload> workload;
  Text faults;                   // the plan by which system calls of it failed: "mmap:ENOMEM:after=100"
  std::string backend = "host";  // host | vm
  Text kernel;
  double duration_s = 0;
  std::optional<std::int64_t> pid;  // of the command or workload, in the namespace that the kernel log uses
  RunLimits limits;
  Outcome outcome;
  RunMemory memory;
  std::vector<cgroup::Sample> timeline;
  std::optional<Expectation> expectation;
  std::optional<Vm> vm;
};

struct Postmortem {
  std::vector<Input> inputs;
  std::optional<Run> run;
  std::vector<Incident> incidents;
  std::vector<Warning> warnings;
};

}  // namespace forensics

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

// One level of a cgroup's path that somebody has a name for.
struct OwnerLevel {
  std::string cgroup;   // the path down to it
  std::string runtime;  // docker, kubernetes, systemd, ...
  std::string kind;     // container, pod, qos, service, slice, scope, session, user, job, step, task, machine, ...
  std::string id;       // as in the path, escapes undone
  std::string name;     // what people call it: "docker container ad6c46b55052"
};

struct Owner {
  Text runtime, container_id, pod_uid, qos, unit, job;
  Text user;                       // the uid whose session or unit it is
  Text name, image, service;       // as the container's runtime tells them; service: of its compose file
  std::vector<OwnerLevel> nested;  // every level that was recognised, from the outside in
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
  std::optional<std::int64_t> oom_score_adj;
  bool eligible = true;  // false: exempt (oom_score_adj -1000), its points are what it holds; such stand last
};

struct LimitOwner {
  Text cgroup;
  std::optional<std::int64_t> levels_above_victim;
  std::optional<Owner> owner;  // of the cgroup whose limit it is
};

// The largest part of the breakdown that is in use.
struct Dominant {
  std::string part;
  double share = 0;
};

// Memory in the breakdown that no listed task holds.
struct Unlisted {
  Count anon_bytes, shmem_bytes;  // beyond the sum over the task table; nothing where that is not known
  std::string words;              // what it is, as far as it can be told
};

// A stable code and what it says in one sentence.
struct Reason {
  std::string code, words;
};

// The allocation that failed, decoded.
struct Request {
  std::optional<std::int64_t> order;
  Count bytes;
  // From the GFP mask; nothing when the log has none.
  std::optional<bool> atomic, nofs, noio, nofail, noretry, movable;
  Text zone;  // the highest zone that it may take: DMA, DMA32, Normal, HighMem, Movable
  std::string words;
};

// A zone at the moment of the report, measured against the request as the kernel's watermark check does.
struct ZoneState {
  std::optional<std::int64_t> node;
  std::string name;
  std::optional<bool> allowed;  // may the request take from it?
  Count free_bytes;
  Count usable_bytes;  // free without what this request may not take (highatomic, CMA)
  std::string watermark = "min";
  Count watermark_bytes;       // without the reserve
  Count lowmem_reserve_bytes;  // kept from requests of this class
  Count short_bytes;           // what was missed of watermark and reserve; 0: it passes
  Count highatomic_bytes, cma_free_bytes;
  Count largest_free_bytes;           // largest free block
  std::vector<double> fragmentation;  // by order: the share of the free memory that lies in smaller blocks
};

// A candidate of the kernel's choice.
struct Candidate {
  std::int64_t pid = 0;
  std::string comm;
  std::int64_t points = 0;
};

// The rule of the kernel's era with the figures that went into it.
struct Score {
  std::string rule;
  Count total_pages;                       // what oom_score_adj is a share of
  std::optional<std::int64_t> printed;     // by kernels up to 5.0: per mille of the total
  std::optional<std::int64_t> recomputed;  // the victim's, in the same unit; nothing where none was printed
};

// How the group's memory grew before the end, by the recorder's timeline or by what earlier kills found.
struct GrowthShape {
  std::string shape;                                   // leak, spike, staircase, sawtooth, plateau, growth
  std::string source;                                  // timeline | kills
  std::optional<double> bytes_per_s, fit, duration_s;  // slope of the best straight line, its R^2
  Count first_bytes, highest_bytes;
  std::string words;
};

struct Thrashing {
  Count refault_bytes, limit_bytes;
  std::optional<double> pressure_full_share;  // of the run's time; nothing without a recorder
  std::string words;
};

struct Analysis {
  Count page_size_bytes;
  std::vector<Part> breakdown;
  Count breakdown_error_bytes;  // by which the kernel's counters may be off: charge batches, unflushed counters
  std::optional<Dominant> dominant;
  std::optional<Unlisted> unlisted;
  std::optional<Request> request;
  Text allocation_path;
  std::vector<ZoneState> zones;
  std::optional<Reason> why_now;
  std::vector<Ranked> ranking;
  std::optional<Score> score;
  std::optional<std::int64_t> victim_rank;
  std::optional<bool> victim_explained;
  std::optional<Reason> victim_reason;        // highest_badness, oom_kill_allocating_task, group, sacrificed_child, ...
  std::optional<std::int64_t> margin_points;  // from the victim to the next candidate
  std::optional<Candidate> next_victim;       // who would have been next
  std::optional<Candidate> without_oom_score_adj;  // who would have been chosen had all been 0
  std::optional<bool> bystander;                   // the killed process held little of what filled the limit
  Count freed_bytes;  // what the kill can give back: the victims' anonymous memory and page tables
  std::optional<Thrashing> thrashing;
  std::optional<GrowthShape> growth;
  std::optional<LimitOwner> limit_owner;
  std::uint64_t processes = 0;
};

// A line of the log with its words.
struct QuotedLine {
  std::uint64_t line = 0;
  std::string text;
};

struct Diagnosis {
  std::string code, title;
  double confidence = 0;       // 0 to 1
  std::string role = "cause";  // cause | circumstance | consequence
  std::vector<std::string> evidence, advice;
  std::vector<std::string> will_not_help;
  std::vector<QuotedLine> lines;  // of the log, that the evidence rests on
};

struct LogLine {
  std::uint64_t line = 0;  // 1-based; the lines of a record of several have one number
  std::string kind;        // what it was read as: trigger, memcg_usage, task_row, kill, ...
  std::string text;        // the kernel's words, without what the carrier puts before them
};

struct LogSpan {
  std::size_t input = 0;
  std::uint64_t first_line = 0, last_line = 0;
  std::uint64_t suppressed = 0;
  std::vector<QuotedLine> unrecognized;  // at most 20
  std::vector<LogLine> lines;            // of the report, as printed; see excerpt.h for which
  std::uint64_t lines_left_out = 0;      // of the report, and not among `lines`
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
  std::optional<double> cpu_s;      // of all processors, by all processes of the group (cpu.stat)
  std::optional<std::int64_t> pid;  // of the command or workload, in the namespace that the kernel log uses
  RunLimits limits;
  Outcome outcome;
  RunMemory memory;
  std::vector<cgroup::Sample> timeline;
  std::optional<Expectation> expectation;
  std::optional<Vm> vm;
};

// A figure over the reports of an episode: a straight line through what each kill found.
struct Slope {
  std::string of;    // usage, anon, shmem, slab, limit_interval, ...
  std::string unit;  // "bytes/s" or "bytes/kill"
  double value = 0, fit = 0;
  std::uint64_t points = 0;
};

// Incidents of one cause.
struct Episode {
  std::string code;  // crash_loop, storm, leak_over_kills, kills_freed_nothing, no_victim_loop, host_pressure, repeated
  std::vector<std::size_t> incidents;  // indices into the document's
  Text cgroup, name, host;             // whose limit; nothing for the machine's
  Time first, last;
  std::optional<double> duration_s;
  std::uint64_t reports = 0, kills = 0, kills_freed_nothing = 0;
  std::optional<Slope> slope;
  std::string words;
};

// Kills in the log against a counter of the kernel.
struct Reconciliation {
  std::string source;  // memory.events | memory.events.local | vmstat
  Text cgroup;
  std::uint64_t logged = 0, counted = 0;
  std::string code, words;  // equal, log_misses_kills, counter_misses_kills; the difference explained
};

struct Postmortem {
  std::vector<Input> inputs;
  std::optional<Run> run;
  std::vector<Incident> incidents;
  std::vector<Episode> episodes;
  std::vector<Reconciliation> reconciliation;
  std::vector<Warning> warnings;
};

}  // namespace forensics

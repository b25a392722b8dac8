#pragma once

#include <concepts>
#include <type_traits>

#include "forensics/document.h"

// The members of every object of the post-mortem, in the order of the contract, each named once: to_json() and
// from_json() both walk these lists with an archive of their own (JsonWriter, JsonReader).
namespace forensics {

template <typename T, typename U>
concept Of = std::same_as<std::remove_const_t<T>, U>;

// Objects that pretty layout keeps on one line: the rows of long lists.
template <typename T>
inline constexpr bool kOneLine = false;
template <>
inline constexpr bool kOneLine<Task> = true;
template <>
inline constexpr bool kOneLine<Part> = true;
template <>
inline constexpr bool kOneLine<Ranked> = true;
template <>
inline constexpr bool kOneLine<BuddyCount> = true;
template <>
inline constexpr bool kOneLine<HugepagePool> = true;
template <>
inline constexpr bool kOneLine<SlabCache> = true;
template <>
inline constexpr bool kOneLine<AllocationSite> = true;
template <>
inline constexpr bool kOneLine<QuotedLine> = true;
template <>
inline constexpr bool kOneLine<OwnerLevel> = true;
template <>
inline constexpr bool kOneLine<Dominant> = true;
template <>
inline constexpr bool kOneLine<Candidate> = true;
template <>
inline constexpr bool kOneLine<Reason> = true;
template <>
inline constexpr bool kOneLine<Slope> = true;
template <>
inline constexpr bool kOneLine<LogLine> = true;
template <>
inline constexpr bool kOneLine<Usage> = true;
template <>
inline constexpr bool kOneLine<Time> = true;
template <>
inline constexpr bool kOneLine<Kernel> = true;
template <>
inline constexpr bool kOneLine<Warning> = true;
template <>
inline constexpr bool kOneLine<Input> = true;
template <>
inline constexpr bool kOneLine<Observation> = true;

void fields(auto& a, Of<Input> auto& v) {
  a.member("name", v.name);
  a.member("carrier", v.carrier);
  a.member("compression", v.compression);
  a.member("bytes", v.bytes);
  a.member("lines", v.lines);
}

void fields(auto& a, Of<Warning> auto& v) {
  a.member("code", v.code);
  a.member("message", v.message);
  a.member("input", v.input);
  a.member("line", v.line);
}

void fields(auto& a, Of<Time> auto& v) {
  a.member("monotonic_s", v.monotonic_s);
  a.member("realtime", v.realtime);
  a.member("host", v.host);
}

void fields(auto& a, Of<Kernel> auto& v) {
  a.member("release", v.release);
  a.member("tainted", v.tainted);
  a.member("hardware", v.hardware);
}

void fields(auto& a, Of<GfpMask> auto& v) {
  a.member("value", v.value);
  a.member("text", v.text);
  a.member("flags", v.flags);
}

void fields(auto& a, Of<Trigger> auto& v) {
  a.member("comm", v.comm);
  a.member("pid", v.pid);
  a.member("cpu", v.cpu);
  a.member("order", v.order);
  a.member("oom_score_adj", v.oom_score_adj);
  a.member("nodemask", v.nodemask);
  a.member("gfp_mask", v.gfp_mask);
}

void fields(auto& a, Of<Usage> auto& v) {
  a.member("usage_bytes", v.usage_bytes);
  a.member("limit_bytes", v.limit_bytes);
  a.member("unlimited", v.unlimited);
  a.member("failcnt", v.failcnt);
}

void fields(auto& a, Of<OwnerLevel> auto& v) {
  a.member("cgroup", v.cgroup);
  a.member("runtime", v.runtime);
  a.member("kind", v.kind);
  a.member("id", v.id);
  a.member("name", v.name);
}

void fields(auto& a, Of<Owner> auto& v) {
  a.member("runtime", v.runtime);
  a.member("container_id", v.container_id);
  a.member("pod_uid", v.pod_uid);
  a.member("qos", v.qos);
  a.member("unit", v.unit);
  a.member("job", v.job);
  a.member("user", v.user);
  a.member("name", v.name);
  a.member("image", v.image);
  a.member("service", v.service);
  a.member("nested", v.nested);
}

void fields(auto& a, Of<CgroupReport> auto& v) {
  a.member("oom_memcg", v.oom_memcg);
  a.member("task_memcg", v.task_memcg);
  a.member("hierarchy", v.hierarchy);
  a.member("memory", v.memory);
  a.member("swap", v.swap);
  a.member("memsw", v.memsw);
  a.member("kmem", v.kmem);
  a.member("stat", v.stat);
  a.member("owner", v.owner);
}

void fields(auto& a, Of<MemoryNode> auto& v) {
  a.member("node", v.node);
  a.member("stat", v.counters);
  a.member("all_unreclaimable", v.all_unreclaimable);
}

void fields(auto& a, Of<BuddyCount> auto& v) {
  a.member("size_bytes", v.size_bytes);
  a.member("free", v.free);
  a.member("types", v.types);
}

void fields(auto& a, Of<MemoryZone> auto& v) {
  a.member("node", v.node);
  a.member("name", v.name);
  a.member("stat", v.counters);
  a.member("lowmem_reserve_pages", v.lowmem_reserve_pages);
  a.member("buddy", v.buddy);
  a.member("buddy_total_bytes", v.buddy_total_bytes);
  a.member("all_unreclaimable", v.all_unreclaimable);
}

void fields(auto& a, Of<HugepagePool> auto& v) {
  a.member("node", v.node);
  a.member("size_bytes", v.size_bytes);
  a.member("total", v.total);
  a.member("free", v.free);
  a.member("surplus", v.surplus);
}

void fields(auto& a, Of<SlabCache> auto& v) {
  a.member("name", v.name);
  a.member("used_bytes", v.used_bytes);
  a.member("total_bytes", v.total_bytes);
}

void fields(auto& a, Of<AllocationSite> auto& v) {
  a.member("bytes", v.bytes);
  a.member("calls", v.calls);
  a.member("location", v.location);
}

void fields(auto& a, Of<MemoryInfo> auto& v) {
  a.member("pages", v.counters);
  a.member("nodes", v.nodes);
  a.member("zones", v.zones);
  a.member("hugepages", v.hugepages);
  a.member("pagecache_pages", v.pagecache_pages);
  a.member("swapcache_pages", v.swapcache_pages);
  a.member("swap_free_bytes", v.swap_free_bytes);
  a.member("swap_total_bytes", v.swap_total_bytes);
  a.member("ram_pages", v.ram_pages);
  a.member("highmem_pages", v.highmem_pages);
  a.member("reserved_pages", v.reserved_pages);
  a.member("cma_reserved_pages", v.cma_reserved_pages);
  a.member("hwpoisoned_pages", v.hwpoisoned_pages);
  a.member("slab", v.slab);
  a.member("allocations", v.allocations);
}

void fields(auto& a, Of<Task> auto& v) {
  a.member("pid", v.pid);
  a.member("uid", v.uid);
  a.member("tgid", v.tgid);
  a.member("total_vm_bytes", v.total_vm_bytes);
  a.member("rss_bytes", v.rss_bytes);
  a.member("rss_anon_bytes", v.rss_anon_bytes);
  a.member("rss_file_bytes", v.rss_file_bytes);
  a.member("rss_shmem_bytes", v.rss_shmem_bytes);
  a.member("pgtables_bytes", v.pgtables_bytes);
  a.member("swap_bytes", v.swap_bytes);
  a.member("oom_score_adj", v.oom_score_adj);
  a.member("comm", v.comm);
}

void fields(auto& a, Of<Victim> auto& v) {
  a.member("pid", v.pid);
  a.member("comm", v.comm);
  a.member("uid", v.uid);
  a.member("role", v.role);
  a.member("score", v.score);
  a.member("total_vm_bytes", v.total_vm_bytes);
  a.member("anon_rss_bytes", v.anon_rss_bytes);
  a.member("file_rss_bytes", v.file_rss_bytes);
  a.member("shmem_rss_bytes", v.shmem_rss_bytes);
  a.member("pgtables_bytes", v.pgtables_bytes);
  a.member("oom_score_adj", v.oom_score_adj);
  a.member("reaped", v.reaped);
  a.member("task_memcg", v.task_memcg);
}

void fields(auto& a, Of<Part> auto& v) {
  a.member("part", v.part);
  a.member("bytes", v.bytes);
  a.member("share", v.share);
}

void fields(auto& a, Of<Ranked> auto& v) {
  a.member("pid", v.pid);
  a.member("comm", v.comm);
  a.member("points", v.points);
  a.member("share", v.share);
  a.member("oom_score_adj", v.oom_score_adj);
  a.member("eligible", v.eligible);
}

void fields(auto& a, Of<LimitOwner> auto& v) {
  a.member("cgroup", v.cgroup);
  a.member("levels_above_victim", v.levels_above_victim);
  a.member("owner", v.owner);
}

void fields(auto& a, Of<Dominant> auto& v) {
  a.member("part", v.part);
  a.member("share", v.share);
}

void fields(auto& a, Of<Unlisted> auto& v) {
  a.member("anon_bytes", v.anon_bytes);
  a.member("shmem_bytes", v.shmem_bytes);
  a.member("words", v.words);
}

void fields(auto& a, Of<Reason> auto& v) {
  a.member("code", v.code);
  a.member("words", v.words);
}

void fields(auto& a, Of<Request> auto& v) {
  a.member("order", v.order);
  a.member("bytes", v.bytes);
  a.member("atomic", v.atomic);
  a.member("nofs", v.nofs);
  a.member("noio", v.noio);
  a.member("nofail", v.nofail);
  a.member("noretry", v.noretry);
  a.member("movable", v.movable);
  a.member("zone", v.zone);
  a.member("words", v.words);
}

void fields(auto& a, Of<ZoneState> auto& v) {
  a.member("node", v.node);
  a.member("name", v.name);
  a.member("allowed", v.allowed);
  a.member("free_bytes", v.free_bytes);
  a.member("usable_bytes", v.usable_bytes);
  a.member("watermark", v.watermark);
  a.member("watermark_bytes", v.watermark_bytes);
  a.member("lowmem_reserve_bytes", v.lowmem_reserve_bytes);
  a.member("short_bytes", v.short_bytes);
  a.member("highatomic_bytes", v.highatomic_bytes);
  a.member("cma_free_bytes", v.cma_free_bytes);
  a.member("largest_free_bytes", v.largest_free_bytes);
  a.member("fragmentation", v.fragmentation);
}

void fields(auto& a, Of<Candidate> auto& v) {
  a.member("pid", v.pid);
  a.member("comm", v.comm);
  a.member("points", v.points);
}

void fields(auto& a, Of<Score> auto& v) {
  a.member("rule", v.rule);
  a.member("total_pages", v.total_pages);
  a.member("printed", v.printed);
  a.member("recomputed", v.recomputed);
}

void fields(auto& a, Of<GrowthShape> auto& v) {
  a.member("shape", v.shape);
  a.member("source", v.source);
  a.member("bytes_per_s", v.bytes_per_s);
  a.member("fit", v.fit);
  a.member("duration_s", v.duration_s);
  a.member("first_bytes", v.first_bytes);
  a.member("highest_bytes", v.highest_bytes);
  a.member("words", v.words);
}

void fields(auto& a, Of<Thrashing> auto& v) {
  a.member("refault_bytes", v.refault_bytes);
  a.member("limit_bytes", v.limit_bytes);
  a.member("pressure_full_share", v.pressure_full_share);
  a.member("words", v.words);
}

void fields(auto& a, Of<Analysis> auto& v) {
  a.member("page_size_bytes", v.page_size_bytes);
  a.member("breakdown", v.breakdown);
  a.member("breakdown_error_bytes", v.breakdown_error_bytes);
  a.member("dominant", v.dominant);
  a.member("unlisted", v.unlisted);
  a.member("request", v.request);
  a.member("allocation_path", v.allocation_path);
  a.member("zones", v.zones);
  a.member("why_now", v.why_now);
  a.member("ranking", v.ranking);
  a.member("score", v.score);
  a.member("victim_rank", v.victim_rank);
  a.member("victim_explained", v.victim_explained);
  a.member("victim_reason", v.victim_reason);
  a.member("margin_points", v.margin_points);
  a.member("next_victim", v.next_victim);
  a.member("without_oom_score_adj", v.without_oom_score_adj);
  a.member("bystander", v.bystander);
  a.member("freed_bytes", v.freed_bytes);
  a.member("thrashing", v.thrashing);
  a.member("growth", v.growth);
  a.member("limit_owner", v.limit_owner);
  a.member("processes", v.processes);
}

void fields(auto& a, Of<QuotedLine> auto& v) {
  a.member("line", v.line);
  a.member("text", v.text);
}

void fields(auto& a, Of<Diagnosis> auto& v) {
  a.member("code", v.code);
  a.member("title", v.title);
  a.member("confidence", v.confidence);
  a.member("role", v.role);
  a.member("evidence", v.evidence);
  a.member("advice", v.advice);
  a.member("will_not_help", v.will_not_help);
  a.member("lines", v.lines);
}

void fields(auto& a, Of<LogLine> auto& v) {
  a.member("line", v.line);
  a.member("kind", v.kind);
  a.member("text", v.text);
}

void fields(auto& a, Of<LogSpan> auto& v) {
  a.member("input", v.input);
  a.member("first_line", v.first_line);
  a.member("last_line", v.last_line);
  a.member("suppressed", v.suppressed);
  a.member("unrecognized", v.unrecognized);
  a.member("lines", v.lines);
  a.member("lines_left_out", v.lines_left_out);
}

void fields(auto& a, Of<Incident> auto& v) {
  a.member("kind", v.kind);
  a.member("scope", v.scope);
  a.member("manual", v.manual);
  a.member("complete", v.complete);
  a.member("missing", v.missing);
  a.member("repeats", v.repeats);
  a.member("time", v.time);
  a.member("kernel", v.kernel);
  a.member("trigger", v.trigger);
  a.member("call_trace", v.call_trace);
  a.member("cgroup", v.cgroup);
  a.member("memory_info", v.memory_info);
  a.member("tasks", v.tasks);
  a.member("victims", v.victims);
  a.member("killer", v.killer);
  a.member("analysis", v.analysis);
  a.member("verdict", v.verdict);
  a.member("diagnosis", v.diagnosis);
  a.member("log", v.log);
}

void fields(auto& a, Of<Observation> auto& v) {
  a.member("step", v.step);
  a.member("name", v.name);
  a.member("value", v.value);
  a.member("unit", v.unit);
}

void fields(auto& a, Of<Workload> auto& v) {
  a.member("name", v.name);
  a.member("parameters", v.parameters);
  a.member("observations", v.observations);
}

void fields(auto& a, Of<RunLimits> auto& v) {
  a.member("memory_max_bytes", v.memory_max_bytes);
  a.member("memory_high_bytes", v.memory_high_bytes);
  a.member("memory_swap_max_bytes", v.memory_swap_max_bytes);
  a.member("oom_group", v.oom_group);
  a.member("pids_max", v.pids_max);
  a.member("memory_min_bytes", v.memory_min_bytes);
  a.member("memory_low_bytes", v.memory_low_bytes);
  a.member("zswap_max_bytes", v.zswap_max_bytes);
}

void fields(auto& a, Of<Outcome> auto& v) {
  a.member("verdict", v.verdict);
  a.member("exit_code", v.exit_code);
  a.member("signal", v.signal);
  a.member("oom_kills", v.oom_kills);
  a.member("evidence", v.evidence);
  a.member("reason", v.reason);
}

void fields(auto& a, Of<cgroup::MemoryEvents> auto& v) {
  a.member("low", v.low);
  a.member("high", v.high);
  a.member("max", v.max);
  a.member("oom", v.oom);
  a.member("oom_kill", v.oom_kill);
  a.member("oom_group_kill", v.oom_group_kill);
  a.rest(v.other, {"low", "high", "max", "oom", "oom_kill", "oom_group_kill"});
}

void fields(auto& a, Of<cgroup::SwapEvents> auto& v) {
  a.member("high", v.high);
  a.member("max", v.max);
  a.member("fail", v.fail);
  a.rest(v.other, {"high", "max", "fail"});
}

void fields(auto& a, Of<RunMemory> auto& v) {
  a.member("peak_bytes", v.peak_bytes);
  a.member("swap_peak_bytes", v.swap_peak_bytes);
  a.member("events", v.events);
  a.member("swap_events", v.swap_events);
  a.member("stat_at_peak", v.stat_at_peak);
  a.object("pressure", [&] {
    a.member("some_total_s", v.pressure_some_total_s);
    a.member("full_total_s", v.pressure_full_total_s);
  });
  a.member("events_local", v.events_local);
}

void fields(auto& a, Of<Expectation> auto& v) {
  a.member("expect", v.expect);
  a.member("met", v.met);
  a.member("reason", v.reason);
}

void fields(auto& a, Of<Vm> auto& v) {
  a.member("accelerator", v.accelerator);
  a.member("boot", v.boot);
  a.member("memory_bytes", v.memory_bytes);
  a.member("lab_failures", v.lab_failures);
  a.member("console_tail", v.console_tail);
}

void fields(auto& a, Of<Run> auto& v) {
  a.member("command", v.command);
  a.member("workload", v.workload);
  a.member("backend", v.backend);
  a.member("kernel", v.kernel);
  a.member("duration_s", v.duration_s);
  a.member("limits", v.limits);
  a.member("outcome", v.outcome);
  a.member("memory", v.memory);
  a.timeline("timeline", v.timeline);
  a.member("expectation", v.expectation);
  a.member("pid", v.pid);
  a.member("vm", v.vm);
  a.member("cpu_s", v.cpu_s);
  a.member("faults", v.faults);
}

void fields(auto& a, Of<Slope> auto& v) {
  a.member("of", v.of);
  a.member("unit", v.unit);
  a.member("value", v.value);
  a.member("fit", v.fit);
  a.member("points", v.points);
}

void fields(auto& a, Of<Episode> auto& v) {
  a.member("code", v.code);
  a.member("incidents", v.incidents);
  a.member("cgroup", v.cgroup);
  a.member("name", v.name);
  a.member("host", v.host);
  a.member("first", v.first);
  a.member("last", v.last);
  a.member("duration_s", v.duration_s);
  a.member("reports", v.reports);
  a.member("kills", v.kills);
  a.member("kills_freed_nothing", v.kills_freed_nothing);
  a.member("slope", v.slope);
  a.member("words", v.words);
}

void fields(auto& a, Of<Reconciliation> auto& v) {
  a.member("source", v.source);
  a.member("cgroup", v.cgroup);
  a.member("logged", v.logged);
  a.member("counted", v.counted);
  a.member("code", v.code);
  a.member("words", v.words);
}

}  // namespace forensics

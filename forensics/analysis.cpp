#include "forensics/analysis.h"

#include <algorithm>
#include <set>
#include <utility>

#include "forensics/allocation_path.h"
#include "forensics/badness.h"
#include "forensics/composition.h"
#include "forensics/diagnosis.h"
#include "forensics/owner.h"
#include "forensics/request.h"
#include "forensics/thrashing.h"
#include "forensics/timeline.h"
#include "forensics/verdict.h"
#include "forensics/victim_choice.h"
#include "forensics/zones.h"

namespace forensics {
namespace {

constexpr std::uint64_t kUsualPageSize = 4096;

// The reader of the log needs it before the analysis (tables count in pages); else the first buddy item is PAGE_SIZE.
std::uint64_t page_size_of(const Incident& incident) {
  if (incident.analysis.page_size_bytes.value_or(0) > 0) {
    return *incident.analysis.page_size_bytes;
  }
  if (incident.memory_info) {
    for (const auto& zone : incident.memory_info->zones) {
      if (!zone.buddy.empty() && zone.buddy.front().size_bytes > 0) {
        return zone.buddy.front().size_bytes;
      }
    }
  }
  return kUsualPageSize;
}

// How many levels the limit's cgroup lies above the victim's: 0 when it is its own, nothing when one of them is not
// stated or they are not related.
std::optional<std::int64_t> levels_above(const CgroupReport& report) {
  if (!report.oom_memcg || !report.task_memcg) {
    return std::nullopt;
  }
  std::string_view limit = *report.oom_memcg, task = *report.task_memcg;
  if (limit == "/") {
    limit = "";
  }
  if (!task.starts_with(limit) || (task.size() > limit.size() && task[limit.size()] != '/')) {
    return std::nullopt;
  }
  task.remove_prefix(limit.size());
  return task == "/" ? 0 : std::ranges::count(task, '/');
}

void explain_cgroup(Incident& incident) {
  auto& analysis = incident.analysis;
  analysis.limit_owner.reset();
  if (!incident.cgroup) {
    return;
  }
  auto& report = *incident.cgroup;
  const auto& owned = report.task_memcg ? report.task_memcg : report.oom_memcg;
  const auto told = std::exchange(report.owner, owned ? owner_of(*owned) : std::nullopt);
  // What the container's runtime told stays, as long as the path holds that container's id.
  if (told && told->container_id && told->name && owned && owned->contains(*told->container_id)) {
    if (!report.owner || report.owner->container_id != told->container_id) {
      report.owner = Owner{.runtime = told->runtime, .container_id = told->container_id};
    }
    report.owner->runtime = told->runtime ? told->runtime : report.owner->runtime;
    report.owner->name = told->name;
    report.owner->image = told->image;
    report.owner->service = told->service;
  }
  if (incident.scope == "memcg") {
    analysis.limit_owner = LimitOwner{.cgroup = report.oom_memcg,
                                      .levels_above_victim = levels_above(report),
                                      .owner = report.oom_memcg ? owner_of(*report.oom_memcg) : std::nullopt};
  }
}

// What the kill can give back: shared and file pages stay with others or the page cache.
Count freed_bytes(const std::vector<Victim>& victims) {
  std::uint64_t sum = 0;
  bool known = false;
  for (const auto& victim : victims) {
    sum += victim.anon_rss_bytes.value_or(0) + victim.pgtables_bytes.value_or(0);
    known = known || victim.anon_rss_bytes;
  }
  return known ? Count(sum) : std::nullopt;
}

// Whether what was killed held little of what was used up.
std::optional<bool> is_bystander(const Incident& incident) {
  constexpr std::uint64_t kTenth = 10;
  std::uint64_t used = 0;
  for (const auto& part : incident.analysis.breakdown) {
    used += part.part == "free" || part.part == "free_cma" || part.part == "reserved" ? 0 : part.bytes;
  }
  if (incident.victims.empty() || !incident.analysis.freed_bytes || used == 0) {
    return std::nullopt;
  }
  std::uint64_t swapped = 0;
  for (const auto& victim : incident.victims) {
    const auto* task = find_task(incident, victim.pid);
    swapped += task == nullptr ? 0 : task->swap_bytes.value_or(0);
  }
  return *incident.analysis.freed_bytes + swapped < used / kTenth;
}

std::uint64_t distinct_processes(const std::vector<Victim>& victims) {
  std::set<std::int64_t> pids;
  for (const auto& victim : victims) {
    pids.insert(victim.pid);
  }
  return pids.size();
}

void explain_memory(Incident& incident, std::uint64_t page_size) {
  auto& analysis = incident.analysis;
  analysis.breakdown = compose(incident, page_size);
  analysis.breakdown_error_bytes = composition_error_bytes(incident, page_size);
  analysis.dominant = dominant_part(analysis.breakdown);
  analysis.unlisted = unlisted_memory(incident);
}

void explain_request(Incident& incident, std::uint64_t page_size) {
  auto& analysis = incident.analysis;
  analysis.allocation_path = allocation_path(incident.call_trace, incident.manual);
  analysis.request = decode_request(incident, page_size);
  if (incident.memory_info && incident.scope != "memcg") {
    analysis.zones = measure_zones(*incident.memory_info, analysis.request, page_size);
  }
  analysis.why_now = why_now(incident);
}

}  // namespace

void explain(Incident& incident, const Run* run) {
  auto& analysis = incident.analysis;
  const auto page_size = page_size_of(incident);
  analysis = Analysis{.page_size_bytes = page_size};
  explain_cgroup(incident);
  explain_memory(incident, page_size);
  explain_request(incident, page_size);
  analysis.processes = distinct_processes(incident.victims);
  analysis.freed_bytes = freed_bytes(incident.victims);
  explain_victim(incident, recompute_badness(incident, run, page_size));
  analysis.bystander = is_bystander(incident);
  analysis.thrashing = find_thrashing(incident, run);
  analysis.growth = run == nullptr ? std::nullopt : growth_shape(run->timeline, run->cpu_s);
  incident.verdict = verdict(incident);
  incident.diagnosis = diagnose(incident, run);
}

}  // namespace forensics

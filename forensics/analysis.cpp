#include "forensics/analysis.h"

#include <algorithm>
#include <set>
#include <utility>

#include "forensics/allocation_path.h"
#include "forensics/badness.h"
#include "forensics/composition.h"
#include "forensics/owner.h"
#include "forensics/rule.h"
#include "forensics/verdict.h"

namespace forensics {
namespace {

constexpr std::size_t kRankingShown = 10;
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
    report.owner->name = told->name ? told->name : report.owner->name;
    report.owner->image = told->image;
    report.owner->service = told->service;
  }
  if (incident.scope == "memcg") {
    analysis.limit_owner = LimitOwner{.cgroup = report.oom_memcg, .levels_above_victim = levels_above(report)};
  }
}

// Whether the kernel's rule leads to this victim.
void explain_victim(Incident& incident, const Badness& badness) {
  auto& analysis = incident.analysis;
  if (incident.victims.empty() || badness.ranking.empty()) {
    return;
  }
  const auto chosen = std::ranges::find_if(
      incident.victims, [](const Victim& victim) { return victim.role == "selected" || victim.role == "allocating"; });
  const auto& victim = chosen == incident.victims.end() ? incident.victims.front() : *chosen;
  const auto* task = find_task(incident, victim.pid);
  const auto row =
      task == nullptr ? badness.ranking.end() : std::ranges::find(badness.ranking, task->pid, &Ranked::pid);
  if (row == badness.ranking.end()) {
    return;
  }
  analysis.victim_rank = row - badness.ranking.begin() + 1;
  // Another rule than the score chose: the allocating task by sysctl, or a child that died for its parent (5.0 and
  // older).
  const bool other_rule = victim.role == "allocating" || victim.role == "child";
  analysis.victim_explained = other_rule || row->points == badness.ranking.front().points;
}

// The highest ones and, wherever it stands, the victim.
void shorten_ranking(Analysis& analysis) {
  auto& ranking = analysis.ranking;
  if (ranking.size() <= kRankingShown) {
    return;
  }
  const auto rank = static_cast<std::size_t>(analysis.victim_rank.value_or(0));
  if (rank > kRankingShown) {
    ranking[kRankingShown] = ranking[rank - 1];
    ranking.resize(kRankingShown + 1);
  } else {
    ranking.resize(kRankingShown);
  }
}

}  // namespace

void explain(Incident& incident, const Run* run) {
  auto& analysis = incident.analysis;
  const auto page_size = page_size_of(incident);
  analysis = Analysis{.page_size_bytes = page_size};
  explain_cgroup(incident);
  analysis.breakdown = compose(incident, page_size);
  analysis.allocation_path = allocation_path(incident.call_trace, incident.manual);
  std::set<std::int64_t> pids;
  for (const auto& victim : incident.victims) {
    pids.insert(victim.pid);
  }
  analysis.processes = pids.size();
  if (const auto badness = recompute_badness(incident, run, page_size)) {
    analysis.ranking = badness->ranking;
    explain_victim(incident, *badness);
    shorten_ranking(analysis);
  }
  incident.verdict = verdict(incident);
  incident.diagnosis.clear();
  for (const auto& rule : all_rules()) {
    if (auto finding = rule->apply(incident, run)) {
      incident.diagnosis.push_back(std::move(*finding));
    }
  }
  std::ranges::stable_sort(incident.diagnosis, std::greater{}, &Diagnosis::confidence);
}

}  // namespace forensics

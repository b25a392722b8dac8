#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto* largest = largest_task(incident);
  if (incident.kind != "oom_kill" || incident.victims.empty() || largest == nullptr ||
      incident.victims.front().role == "group") {
    return std::nullopt;
  }
  const auto& victim = incident.victims.front();
  const auto found_row = std::ranges::find_if(
      incident.tasks, [&](const Task& task) { return task.pid == victim.pid || task.tgid == victim.pid; });
  if (found_row == incident.tasks.end() || &*found_row == largest || held_bytes(*found_row) >= held_bytes(*largest)) {
    return std::nullopt;
  }
  const auto its = found_row->oom_score_adj.value_or(0), other = largest->oom_score_adj.value_or(0);
  if (its <= other) {
    return std::nullopt;
  }
  Diagnosis found{.code = "oom_score_adj_steered",
                  .title = "oom_score_adj decided who died: a larger process was spared",
                  .confidence = other == -1000 ? 0.9 : 0.85};
  found.evidence.push_back(fmt::format("{} was killed with {} and oom_score_adj {}", task_name(*found_row),
                                       human_size(held_bytes(*found_row)), its));
  found.evidence.push_back(fmt::format("{} held {} with oom_score_adj {}{}", task_name(*largest),
                                       human_size(held_bytes(*largest)), other,
                                       other == -1000 ? " (never to be killed)" : ""));
  found.advice.push_back(fmt::format("Look at {} first: the process that died says little about where the memory went.",
                                     task_name(*largest)));
  found.advice.emplace_back(
      "Each 1000th of oom_score_adj counts as one 1000th of the limit (or RAM) plus swap; see who sets it: "
      "OOMScoreAdjust= of systemd, the "
      "kubelet by QoS class, browsers for their tabs.");
  found.advice.emplace_back(
      "Will not help: giving the killed process less memory; it was not the one that filled the limit.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.tasks.front().oom_score_adj = -500;
  incident.tasks.push_back(incident.tasks.front());
  auto& small = incident.tasks.back();
  small.pid = 101;
  small.tgid = 101;
  small.rss_bytes = 2 << 20;
  small.oom_score_adj = 900;
  small.comm = "helper";
  incident.victims.front().pid = 101;
  incident.victims.front().comm = "helper";
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule oom_score_adj_steered{
    .summary = "oom_score_adj, not size, decided who was killed",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

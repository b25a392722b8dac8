#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto& owner = incident.analysis.limit_owner;
  if (!is_memcg(incident) || !owner || owner->levels_above_victim.value_or(0) <= 0) {
    return std::nullopt;
  }
  const auto& report = *incident.cgroup;
  const auto levels = *owner->levels_above_victim;
  Diagnosis found{
      .code = "ancestor_limit", .title = "The limit of a group above the process's own was hit", .confidence = 0.97};
  found.evidence.push_back(fmt::format("limit of {}, {} level{} above {}", *report.oom_memcg, levels,
                                       levels == 1 ? "" : "s", *report.task_memcg));
  if (report.memory && report.memory->usage_bytes && report.memory->limit_bytes) {
    found.evidence.push_back(fmt::format("that group used {} of its {}", human_size(*report.memory->usage_bytes),
                                         human_size(*report.memory->limit_bytes)));
  }
  found.advice.push_back(fmt::format(
      "Look at all groups below {} together: their sum reached the limit (`systemd-cgtop`, memory.current of each).",
      *report.oom_memcg));
  found.advice.emplace_back("Raise that group's limit, or give the groups inside it limits whose sum stays below it.");
  found.advice.push_back(
      fmt::format("Will not help: raising the limit of {}; it was not the one that was hit.", *report.task_memcg));
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.cgroup->oom_memcg = "/system.slice";
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule ancestor_limit{
    .summary = "the limit that was hit is not the group's own, but one above it",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

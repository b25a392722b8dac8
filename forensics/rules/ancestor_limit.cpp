#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/owner.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_absent", "limit_far_too_small",
                                          "leak",        "spike",       "staircase"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& owner = incident.analysis.limit_owner;
  if (!is_memcg(incident) || !owner || owner->levels_above_victim.value_or(0) <= 0) {
    return std::nullopt;
  }
  const auto& report = *incident.cgroup;
  const auto levels = *owner->levels_above_victim;
  Diagnosis found{
      .code = "ancestor_limit", .title = "The limit of a group above the process's own was hit", .confidence = 0.96};
  found.evidence.push_back(fmt::format("limit of {}, {} level{} above {}", shortened_path(*report.oom_memcg), levels,
                                       levels == 1 ? "" : "s", shortened_path(*report.task_memcg)));
  if (report.memory && report.memory->usage_bytes && report.memory->limit_bytes) {
    found.evidence.push_back(fmt::format("that group used {} of its {}", human_size(*report.memory->usage_bytes),
                                         human_size(*report.memory->limit_bytes)));
  }
  quote_text(found, incident, "oom_memcg=");
  quote_text(found, incident, "killed as a result of limit of");
  quote_usage(found, incident);
  const bool pod = owner->owner && owner->owner->pod_uid && !owner->owner->container_id;
  found.advice.push_back(fmt::format(
      "Look at all groups below {} together: their sum reached the limit (`systemd-cgtop`, memory.current of each).",
      shortened_path(*report.oom_memcg)));
  found.advice.emplace_back(
      pod ? "It is the pod's: the sum of its containers' resources.limits.memory (and of memory-backed emptyDir "
            "volumes). "
            "Raise the limit of the container that grew."
          : "Raise that group's limit, or give the groups inside it limits whose sum stays below it.");
  found.will_not_help.push_back(fmt::format("Raising only the limit of {}: it was not the one that was hit.",
                                            shortened_path(*report.task_memcg)));
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
    .outranks = kOutranks,
};

}  // namespace forensics::rules

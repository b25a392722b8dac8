#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

std::optional<Diagnosis> apply(const Incident& incident, const Run* run) {
  const auto members = std::ranges::count(incident.victims, "group", &Victim::role);
  const bool counted = run != nullptr && run->memory.events && run->memory.events->oom_group_kill.value_or(0) > 0;
  if (members == 0 && !counted) {
    return std::nullopt;
  }
  // The kubelet sets it for every container: there it says nothing about this kill.
  const auto& owner = incident.analysis.limit_owner;
  const bool usual = owner && owner->owner && owner->owner->pod_uid;
  Diagnosis found{.code = "oom_group",
                  .title = "memory.oom.group is set: all processes of the group were killed together",
                  .confidence = usual ? 0.35 : 0.975,
                  .role = usual ? "circumstance" : "cause"};
  found.evidence.push_back(
      fmt::format("{} processes were killed as one unit", std::max<std::size_t>(incident.victims.size(), 1)));
  if (counted) {
    found.evidence.push_back(fmt::format("memory.events: oom_group_kill {}", *run->memory.events->oom_group_kill));
  }
  quote_text(found, incident, "due to memory.oom.group set");
  quote_kills(found, incident);
  found.advice.emplace_back(
      "That is right when the processes cannot live without each other (Kubernetes sets it for every container with "
      "cgroup v2); only the memory use is to be mended then.");
  found.advice.emplace_back(
      "To lose only the largest process: write 0 to memory.oom.group (OOMPolicy=continue for a systemd unit, "
      "singleProcessOOMKill of the kubelet).");
  found.will_not_help.emplace_back("oom_score_adj: within the group nobody is spared but -1000.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.victims.push_back({.pid = 101, .comm = "helper", .uid = 1000, .role = "group"});
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule oom_group{
    .summary = "memory.oom.group killed the whole group at once",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

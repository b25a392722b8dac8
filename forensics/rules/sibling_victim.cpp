#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto& owner = incident.analysis.limit_owner;
  if (!is_memcg(incident) || incident.victims.size() != 1 || !owner || owner->levels_above_victim.value_or(0) <= 0 ||
      !incident.trigger.pid) {
    return std::nullopt;
  }
  const auto& victim = incident.victims.front();
  if (*incident.trigger.pid == victim.pid || !incident.trigger.comm || incident.trigger.comm == victim.comm) {
    return std::nullopt;  // a thread of the victim has another pid, but mostly the same name
  }
  Diagnosis found{.code = "sibling_victim",
                  .title = "The process that was killed is not the one that asked for more",
                  .confidence = 0.75};
  found.evidence.push_back(
      fmt::format("{} asked for memory", process_name(incident.trigger.comm, *incident.trigger.pid)));
  found.evidence.push_back(fmt::format("{} was killed, in {}", process_name(victim.comm, victim.pid),
                                       victim.task_memcg.value_or(incident.cgroup->task_memcg.value_or("?"))));
  found.evidence.push_back(fmt::format("both share the limit of {}", incident.cgroup->oom_memcg.value_or("?")));
  found.advice.emplace_back("Give each group below that limit one of its own, so that each pays for its own growth.");
  found.advice.emplace_back(
      "Protect the one that has to live: memory.min or memory.low for its group, a lower oom_score_adj for its "
      "process.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.cgroup->oom_memcg = "/system.slice";
  incident.trigger.comm = "greedy";
  incident.trigger.pid = 200;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule sibling_victim{
    .summary = "one asked for memory, another one in the same limit was killed",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

#include <fmt/format.h>

#include "forensics/badness.h"
#include "forensics/evidence.h"
#include "forensics/owner.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"ancestor_limit", "anon_growth", "swap_absent"};

// The last component of the allocating task's own cpuset, which containers and pods have one of each: 5.0 and later
// print it in the summary, older kernels in a line of its own. "/" says nothing.
std::string_view cpuset_of_trigger(const Incident& incident) {
  constexpr std::string_view kBefore = "cpuset=", kAfter = "mems_allowed=";
  for (const auto& line : incident.log.lines) {
    const std::string_view text = line.text;
    const auto at = text.find(kBefore);
    const auto end = at == std::string_view::npos ? at : text.find(kAfter, at);
    if (end != std::string_view::npos) {
      const auto between = text.substr(at + kBefore.size(), end - at - kBefore.size());
      return between.substr(0, between.find_last_not_of(", ") + 1);
    }
  }
  return {};
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& owner = incident.analysis.limit_owner;
  if (!is_memcg(incident) || incident.victims.empty() || !owner || owner->levels_above_victim.value_or(0) <= 0 ||
      !incident.trigger.pid) {
    return std::nullopt;
  }
  const auto& victim = incident.victims.front();
  // A thread of the victim has a pid of its own, which the table does not list.
  const auto* asked = find_task(incident, *incident.trigger.pid);
  const bool listed = asked != nullptr && asked->pid == *incident.trigger.pid;
  if (victim.pid == *incident.trigger.pid || !listed || asked->tgid == victim.pid) {
    return std::nullopt;
  }
  const auto cpuset = cpuset_of_trigger(incident);
  const bool known = !cpuset.empty() && cpuset != "/";
  const std::string group = victim.task_memcg.value_or(incident.cgroup->task_memcg.value_or(""));
  if (known && group.ends_with("/" + std::string(cpuset))) {
    return std::nullopt;  // both are in one group
  }
  Diagnosis found{.code = "sibling_victim",
                  .title = "One process asked for memory, another one under the same limit was killed",
                  .confidence = known ? 0.975 : 0.965};
  found.evidence.push_back(
      fmt::format("{} asked for memory and held {}", task_name(*asked), human_size(held_bytes(*asked))));
  const auto* killed = find_task(incident, victim.pid);
  found.evidence.push_back(fmt::format("{} was killed{}, in {}", process_name(victim.comm, victim.pid),
                                       killed == nullptr ? "" : " and held " + human_size(held_bytes(*killed)),
                                       shortened_path(group)));
  found.evidence.push_back(
      fmt::format("both are under the limit of {}", shortened_path(incident.cgroup->oom_memcg.value_or("?"))));
  quote_text(found, incident, "invoked oom-killer");
  quote_text(found, incident, "oom-kill:constraint=");
  quote_task(found, incident, asked->pid);
  quote_task(found, incident, victim.pid);
  found.advice.emplace_back("Give each group below that limit one of its own, so that each pays for its own growth.");
  found.advice.emplace_back(
      "Protect the one that has to live: memory.min or memory.low for its group, a lower oom_score_adj for its "
      "process.");
  found.will_not_help.emplace_back(
      "Looking at the killed process alone: the sum of all under that limit was too much.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.cgroup->oom_memcg = "/system.slice";
  incident.tasks.push_back(incident.tasks.front());
  auto& greedy = incident.tasks.back();
  greedy.pid = 200;
  greedy.tgid = 200;
  greedy.rss_bytes = 20 << 20;
  greedy.comm = "greedy";
  incident.trigger.comm = "greedy";
  incident.trigger.pid = 200;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule sibling_victim{
    .summary = "one asked for memory, another one in the same limit was killed",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/owner.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (!is_memcg(incident) || !incident.analysis.breakdown.empty() || incident.kind != "oom_kill") {
    return std::nullopt;
  }
  Diagnosis found{.code = "limit_reached",
                  .title = "A memory cgroup reached its limit; what filled it is not in this log",
                  .confidence = 0.6};
  const auto path = incident.cgroup ? incident.cgroup->oom_memcg : std::nullopt;
  found.evidence.push_back(path ? fmt::format("limit of {}", shortened_path(*path))
                                : "\"Memory cgroup out of memory\" in the log");
  if (!incident.victims.empty()) {
    const auto& victim = incident.victims.front();
    if (victim.anon_rss_bytes) {
      found.evidence.push_back(fmt::format("{} held {} of anonymous memory", process_name(victim.comm, victim.pid),
                                           human_size(*victim.anon_rss_bytes)));
    }
  }
  quote_text(found, incident, "oom_memcg=");
  quote_kills(found, incident);
  found.advice.emplace_back(
      "Read the whole report: level info and lower carry the counters (`journalctl -k`, `dmesg` without -l; no grep), "
      "or add "
      "the group's memory.stat with --memory-stat.");
  found.advice.emplace_back(
      "If the group is gone, repeat it: `oomlab run --memory-max SIZE -- COMMAND` records what fills the limit.");
  found.will_not_help.emplace_back("Adding RAM to the machine: it is the group's own limit that was reached.");
  return found;
}

Example example() {
  return {.incident = memcg_example({}), .run = {}};
}

}  // namespace

constinit extern const Rule limit_reached{
    .summary = "a group reached its limit, and the log does not say what filled it",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

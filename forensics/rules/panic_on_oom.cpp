#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"host_exhausted", "anon_growth"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (incident.kind != "panic") {
    return std::nullopt;
  }
  Diagnosis found{.code = "panic_on_oom",
                  .title = "The machine went down: the kernel panicked on out of memory",
                  .confidence = 0.99};
  const bool in_group = is_memcg(incident);
  found.evidence.emplace_back(in_group ? "Kernel panic in a report of a memory cgroup: vm.panic_on_oom is 2"
                                       : "Kernel panic instead of a kill");
  quote_text(found, incident, "Kernel panic");
  if (!incident.tasks.empty()) {
    found.evidence.push_back(fmt::format("{} processes were listed, none was killed", incident.tasks.size()));
  }
  found.advice.emplace_back(
      "`sysctl vm.panic_on_oom` shows the setting: 1 panics when the machine is out of memory, 2 also when only a "
      "cgroup is. 0 lets the kernel kill a process.");
  found.advice.emplace_back(
      "Where the panic is wanted (a cluster that fails over), keep kernel.panic above 0 so that the machine comes "
      "back, and keep the report by pstore or kdump.");
  found.will_not_help.emplace_back("oom_score_adj: nobody is chosen when the kernel panics.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 230000}, {"free", 8000}});
  incident.kind = "panic";
  incident.victims.clear();
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule panic_on_oom{
    .summary = "the kernel is set to panic instead of killing",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

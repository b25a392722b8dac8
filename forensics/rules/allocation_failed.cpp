#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (incident.kind != "allocation_failure") {
    return std::nullopt;
  }
  Diagnosis found{.code = "allocation_failed",
                  .title = "An allocation failed and its caller was told so; this is not an OOM kill",
                  .confidence = 0.97};
  const auto& request = incident.analysis.request;
  if (request) {
    found.evidence.push_back(fmt::format(
        "{} asked for {}", process_name(incident.trigger.comm, incident.trigger.pid.value_or(0)), request->words));
  }
  found.evidence.emplace_back("the kernel prints the report and goes on; nobody was chosen");
  quote_text(found, incident, "page allocation failure");
  quote_zones(found, incident);
  if (request && request->order.value_or(0) > 0) {
    found.advice.emplace_back(
        "Such requests want pages that lie side by side: a larger vm.min_free_kbytes keeps more of them; drivers have "
        "settings for smaller buffers (ring sizes, MTU).");
  } else {
    found.advice.emplace_back(
        "A request that may not wait takes from the reserve only: a larger vm.min_free_kbytes raises it.");
  }
  found.will_not_help.emplace_back("Memory limits of groups: none was reached.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 8000}});
  incident.kind = "allocation_failure";
  incident.scope = "unknown";
  incident.victims.clear();
  incident.trigger.order = 4;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule allocation_failed{
    .summary = "an allocation failed, and nothing was killed",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

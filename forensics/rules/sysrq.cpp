#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"oom_score_adj_steered", "process_fan_out", "host_exhausted"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (!incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "sysrq", .title = "Somebody asked for the kill (SysRq-f); memory had not run out", .confidence = 0.99};
  found.evidence.emplace_back("order=-1, or the call trace of moom_callback: the mark of a kill that was asked for");
  if (whole_bytes(incident) > 0) {
    const auto free = part_bytes(incident, "free") + part_bytes(incident, "free_cma");
    found.evidence.push_back(fmt::format("free at that moment: {}", of_whole(incident, free)));
  }
  quote_text(found, incident, "Manual OOM execution");
  quote_text(found, incident, "invoked oom-killer");
  found.advice.emplace_back(
      "Find who wrote f to /proc/sysrq-trigger or pressed Alt-SysRq-f: earlyoom, nohang, a watchdog, an operator. "
      "kernel.sysrq says who may.");
  found.will_not_help.emplace_back("Changing limits: none was reached.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 30000}, {"free", 180000}});
  incident.manual = true;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule sysrq{
    .summary = "the kill was asked for by SysRq-f",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

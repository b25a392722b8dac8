#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"ancestor_limit"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (incident.kind != "userspace_kill") {
    return std::nullopt;
  }
  Diagnosis found{.code = "user_space_killer",
                  .title = fmt::format("{} killed, by a rule of its own, before the kernel had to", incident.killer),
                  .confidence = 0.97};
  found.evidence.push_back(fmt::format("the log line is of {}, not of the kernel", incident.killer));
  quote_kills(found, incident);
  quote_text(found, incident, "Killed");
  quote_text(found, incident, "sending SIG");
  found.advice.push_back(incident.killer == "systemd-oomd"
                             ? "Its thresholds: ManagedOOMMemoryPressureLimit=, ManagedOOMSwap= of the unit or slice, "
                               "SwapUsedLimit= of oomd.conf; `oomctl` shows what it watches."
                             : fmt::format("Its thresholds decide: see the configuration of {}.", incident.killer));
  found.advice.emplace_back(
      "What used the memory is not in such lines: memory.stat of the group, or a report of the kernel "
      "(vm.oom_dump_tasks), "
      "says it.");
  found.will_not_help.emplace_back(
      "Looking for a kernel report of this kill: there is none; exit status 137 is the killer's.");
  return found;
}

Example example() {
  auto incident = memcg_example({});
  incident.kind = "userspace_kill";
  incident.killer = "systemd-oomd";
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule user_space_killer{
    .summary = "a killer in user space acted before the kernel",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

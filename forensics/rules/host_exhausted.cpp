#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  if (incident.scope != "global" || incident.manual || incident.kind == "allocation_failure" ||
      incident.kind == "userspace_kill") {
    return std::nullopt;
  }
  Diagnosis found{.code = "host_exhausted",
                  .title = "The whole machine ran out of memory; no cgroup's limit was involved",
                  .confidence = 0.7};
  if (incident.memory_info && whole_bytes(incident) > 0) {
    found.evidence.push_back(fmt::format("free: {}", of_whole(incident, part_bytes(incident, "free"))));
    const auto total = incident.memory_info->swap_total_bytes;
    if (total) {
      found.evidence.push_back(*total == 0 ? "no swap"
                                           : fmt::format("swap: {} of {} free",
                                                         human_size(incident.memory_info->swap_free_bytes.value_or(0)),
                                                         human_size(*total)));
    }
  }
  if (const auto* task = largest_task(incident); task != nullptr) {
    found.evidence.push_back(fmt::format("largest of {} processes: {} with {}", incident.tasks.size(), task_name(*task),
                                         human_size(held_bytes(*task))));
  }
  found.advice.emplace_back(
      "Put what may grow into groups with memory.max (MemoryMax= of a unit, --memory of a container), so that its "
      "growth ends there and not "
      "with a bystander.");
  found.advice.emplace_back(
      "The sum of all limits should stay below the RAM, with a reserve for the kernel and the system's own services.");
  found.advice.emplace_back("Will not help: raising a container's limit; none was reached.");
  return found;
}

Example example() {
  return {.incident = machine_example({{"active_anon", 230000}, {"free", 8000}}), .run = {}};
}

}  // namespace

constinit extern const Rule host_exhausted{
    .summary = "the machine's memory was used up, not a cgroup's limit",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_absent", "page_cache_harmless"};

// "its own memory", "shared memory and tmpfs": what the title says filled the machine.
std::string title_of(const Incident& incident) {
  const auto& dominant = incident.analysis.dominant;
  if (!dominant || dominant->share < 0.3) {
    return "The whole machine ran out of memory; no cgroup's limit was involved";
  }
  return fmt::format("The whole machine ran out of memory, {} % of it {}; no cgroup's limit was involved",
                     percent(dominant->share), part_words(dominant->part));
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (incident.scope != "global" || incident.manual || incident.kind == "allocation_failure" ||
      incident.kind == "userspace_kill") {
    return std::nullopt;
  }
  Diagnosis found{.code = "host_exhausted", .title = title_of(incident), .confidence = 0.9};
  if (incident.analysis.why_now) {
    found.evidence.push_back(incident.analysis.why_now->words);
  }
  if (incident.memory_info && whole_bytes(incident) > 0) {
    found.evidence.push_back(fmt::format("free: {}", of_whole(incident, part_bytes(incident, "free"))));
  }
  if (const auto swap = swap_use(incident)) {
    found.evidence.push_back(swap->total_bytes == 0 ? "no swap"
                                                    : fmt::format("swap: {} of {} used", human_size(swap->used_bytes),
                                                                  human_size(swap->total_bytes)));
  }
  if (const auto* task = largest_task(incident); task != nullptr) {
    found.evidence.push_back(fmt::format("largest of {} processes: {} with {}", incident.tasks.size(), task_name(*task),
                                         human_size(held_bytes(*task))));
    quote_task(found, incident, task->pid);
  }
  if (found.evidence.empty()) {
    found.evidence.emplace_back("\"Out of memory\" without the name of a memory cgroup");
  }
  quote_text(found, incident, "global_oom");
  quote_zones(found, incident);
  quote_swap(found, incident);
  quote_kills(found, incident);
  found.advice.emplace_back(
      "Put what may grow into groups with memory.max (MemoryMax= of a unit, --memory of a container), so that its "
      "growth ends there and not with a bystander.");
  found.advice.emplace_back(
      "The sum of all limits should stay below the RAM, with a reserve for the kernel and the system's own services.");
  found.will_not_help.emplace_back("Raising a container's limit: none was reached.");
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
    .outranks = kOutranks,
};

}  // namespace forensics::rules

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

// Whom to look at, where one process holds much of the machine, and what would have fitted beside all others.
std::string advice_for_largest(const Incident& incident) {
  constexpr double kMuch = 0.4;
  const auto* task = largest_task(incident);
  const auto rss = task == nullptr ? 0 : task->rss_bytes.value_or(0);
  const auto whole = whole_bytes(incident);
  if (share_of_whole(incident, rss) < kMuch) {
    return "";
  }
  return fmt::format(
      "Look at {} first: it held {} of the RAM of {}, which leaves {} for all others. Its own ceiling (heap, pool or "
      "cache size; MemoryMax= of its unit) belongs below what it held.",
      task_name(*task), human_size(rss), human_size(whole), human_size(whole - rss));
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
  if (auto first = advice_for_largest(incident); !first.empty()) {
    found.advice.push_back(std::move(first));
  }
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

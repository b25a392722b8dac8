#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kDominates = 0.5;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto anon = part_bytes(incident, "anon");
  const auto leaving = part_bytes(incident, "swapcache");
  const auto share = share_of_whole(incident, anon + leaving);
  if (share < kDominates) {
    return std::nullopt;
  }
  Diagnosis found{.code = "anon_growth",
                  .title = "The processes' own memory (heap, stacks, private mappings) filled it",
                  .confidence = 0.4 + 0.55 * share};
  found.evidence.push_back(
      fmt::format("anonymous memory was {}", of_whole(incident, anon)) +
      (leaving > 0 ? fmt::format("; another {} were on the way to swap or back", human_size(leaving)) : ""));

  std::string who = "the processes";
  if (const auto* task = largest_task(incident); task != nullptr) {
    std::uint64_t all = 0;
    for (const auto& other : incident.tasks) {
      all += held_bytes(other);
    }
    const auto its = all == 0 ? 0 : static_cast<double>(held_bytes(*task)) / static_cast<double>(all);
    const auto swapped = task->swap_bytes.value_or(0);
    found.evidence.push_back(fmt::format(
        "{} held {}{}, {} % of what all listed processes hold", task_name(*task), human_size(held_bytes(*task)),
        swapped > 0 ? fmt::format(" ({} of it in swap)", human_size(swapped)) : "", percent(its)));
    if (its > 0.5) {
      who = task_name(*task);
    }
  }
  found.advice.push_back(fmt::format(
      "Look at what {} keeps: a heap profile, or the runtime's own ceiling (-Xmx, --max-old-space-size, GOMEMLIMIT) "
      "set below the limit.",
      who));
  if (const auto held = held_formula(incident); is_memcg(incident) && !held.empty()) {
    found.advice.push_back(fmt::format(
        "If it needs that much, the limit has to be above {}: it was stopped while it still grew. `oomlab run "
        "--memory-max SIZE --expect fit -- COMMAND` says whether a limit is enough.",
        held));
  }
  found.advice.push_back(
      fmt::format("Will not help: dropping caches; only {} of clean page cache was there to give back.",
                  human_size(part_bytes(incident, "file"))));
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 1 << 20}, {"kernel", 2 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule anon_growth{
    .summary = "the processes' own (anonymous) memory filled it",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

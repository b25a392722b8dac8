#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"swap_absent", "page_cache_harmless"};

constexpr double kDominates = 0.5;

// Who holds it, as a sentence of the evidence; who gets the name for the advice.
std::string holders(const Incident& incident, Diagnosis& found) {
  const auto* task = largest_task(incident);
  if (task == nullptr) {
    return "the processes keep";
  }
  std::uint64_t all = 0;
  for (const auto& other : incident.tasks) {
    all += held_bytes(other);
  }
  const auto its = all == 0 ? 0 : static_cast<double>(held_bytes(*task)) / static_cast<double>(all);
  const auto swapped = task->swap_bytes.value_or(0);
  found.evidence.push_back(fmt::format(
      "{} held {}{}, {} % of what all listed processes hold", task_name(*task), human_size(held_bytes(*task)),
      swapped > 0 ? fmt::format(" ({} of it in swap)", human_size(swapped)) : "", percent(its)));
  quote_task(found, incident, task->pid);
  return its > 0.5 ? task_name(*task) + " keeps" : "the processes keep";
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto anon = part_bytes(incident, "anon");
  const auto leaving = part_bytes(incident, "swapcache");
  const auto share = share_of_whole(incident, anon + leaving);
  if (share < kDominates || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{.code = "anon_growth",
                  .title = "The processes' own memory (heap, stacks, private mappings) filled it",
                  .confidence = 0.4 + 0.55 * share};
  found.evidence.push_back(
      fmt::format("anonymous memory was {}", of_whole(incident, anon)) +
      (leaving > 0 ? fmt::format("; another {} were on the way to swap or back", human_size(leaving)) : ""));
  quote_counters(found, incident, {"anon", "rss", "active_anon"});
  quote_usage(found, incident);
  const auto who = holders(incident, found);
  found.advice.push_back(fmt::format(
      "Look at what {}: a heap profile, or the runtime's own ceiling (-Xmx, --max-old-space-size, GOMEMLIMIT) "
      "set below the limit.",
      who));
  if (const auto held = held_formula(incident); is_memcg(incident) && !held.empty()) {
    found.advice.push_back(fmt::format(
        "If it needs that much, the limit has to be above {}: it was stopped while it still grew. `oomlab run "
        "--memory-max SIZE --expect fit -- COMMAND` says whether a limit is enough.",
        held));
  }
  const auto clean = part_bytes(incident, "file");
  found.will_not_help.push_back(
      clean == 0
          ? "Dropping caches: no clean page cache was left to give back."
          : fmt::format("Dropping caches: only {} of clean page cache was there to give back.", human_size(clean)));
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
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr double kNoticeable = 0.5;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto share = share_of_whole(incident, part_bytes(incident, "anon"));
  const auto swap = swap_use(incident);
  if (share < kNoticeable || !swap || swap->total_bytes > 0 || swap->memsw || incident.manual) {
    return std::nullopt;
  }
  const bool group = is_memcg(incident);
  Diagnosis found{.code = "swap_absent",
                  .title = group ? "The group may not swap, so anonymous memory had nowhere to go"
                                 : "The machine has no swap, so anonymous memory had nowhere to go",
                  .confidence = 0.4,
                  .role = "circumstance"};
  found.evidence.emplace_back(group ? "swap: limit 0 (memory.swap.max)" : "Total swap = 0kB");
  found.evidence.push_back(fmt::format("anonymous memory, which only swap can take, was {}",
                                       of_whole(incident, part_bytes(incident, "anon"))));
  quote_swap(found, incident);
  quote_counters(found, incident, {"anon", "active_anon"});
  found.advice.emplace_back(group ? "If short peaks are the problem, allow some swap (memory.swap.max, docker "
                                    "--memory-swap above --memory); watch memory.pressure."
                                  : "If short peaks are the problem, a swap file or zram of some GiB absorbs them; "
                                    "watch /proc/pressure/memory.");
  found.will_not_help.emplace_back("Swap against a leak: it makes the end slower, not different.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = {}};
}

}  // namespace

constinit extern const Rule swap_absent{
    .summary = "there was no swap to move anonymous memory to",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

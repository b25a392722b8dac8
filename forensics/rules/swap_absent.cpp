#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

constexpr double kNoticeable = 0.5;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto share = share_of_whole(incident, part_bytes(incident, "anon"));
  const bool forbidden =
      is_memcg(incident) && incident.cgroup && incident.cgroup->swap && incident.cgroup->swap->limit_bytes == 0U;
  const bool absent = is_machine_wide(incident) && incident.memory_info && incident.memory_info->swap_total_bytes == 0U;
  if (share < kNoticeable || (!forbidden && !absent)) {
    return std::nullopt;
  }
  Diagnosis found{.code = "swap_absent",
                  .title = forbidden ? "The group may not swap, so anonymous memory had nowhere to go"
                                     : "The machine has no swap, so anonymous memory had nowhere to go",
                  .confidence = 0.4};
  found.evidence.emplace_back(forbidden ? "swap: limit 0 (memory.swap.max)" : "Total swap = 0kB");
  found.evidence.push_back(fmt::format("anonymous memory, which only swap can take, was {}",
                                       of_whole(incident, part_bytes(incident, "anon"))));
  found.advice.emplace_back(forbidden ? "If short peaks are the problem, allow some swap (memory.swap.max, docker "
                                        "--memory-swap above --memory); watch memory.pressure."
                                      : "If short peaks are the problem, a swap file or zram of some GiB absorbs them; "
                                        "watch /proc/pressure/memory.");
  found.advice.emplace_back("Will not help against a leak: swap makes the end slower, not different.");
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

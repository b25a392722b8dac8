#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kFull = 0.97;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  std::uint64_t used = 0, total = 0;
  bool memsw = false;
  if (is_memcg(incident) && incident.cgroup && incident.cgroup->swap) {
    used = incident.cgroup->swap->usage_bytes.value_or(0);
    total = incident.cgroup->swap->limit_bytes.value_or(0);
  } else if (is_memcg(incident) && incident.cgroup && incident.cgroup->memsw && incident.cgroup->memory) {
    const auto both = incident.cgroup->memsw->usage_bytes.value_or(0),
               memory = incident.cgroup->memory->usage_bytes.value_or(0);
    const auto limit = incident.cgroup->memsw->limit_bytes.value_or(0),
               own = incident.cgroup->memory->limit_bytes.value_or(0);
    used = both > memory ? both - memory : 0;
    total = limit > own ? limit - own : 0;
    memsw = true;
  } else if (is_machine_wide(incident) && incident.memory_info) {
    total = incident.memory_info->swap_total_bytes.value_or(0);
    used = total - std::min(total, incident.memory_info->swap_free_bytes.value_or(0));
  }
  if (total == 0 || static_cast<double>(used) < kFull * static_cast<double>(total)) {
    return std::nullopt;
  }
  Diagnosis found{.code = "swap_full", .title = "Swap was used up before the kill", .confidence = 0.6};
  found.evidence.push_back(fmt::format("{} of {} swap used{}", human_size(used), human_size(total),
                                       memsw ? " (memory+swap limit minus memory limit)" : ""));
  if (incident.cgroup && incident.cgroup->swap && incident.cgroup->swap->failcnt.value_or(0) > 0) {
    found.evidence.push_back(fmt::format("the swap limit was hit {} times", *incident.cgroup->swap->failcnt));
  }
  found.advice.push_back(
      is_memcg(incident)
          ? fmt::format(
                "What it wants in total is above {}; raise memory.max rather than swap if it is in use all the time.",
                held_formula(incident))
          : "Find out who fills the swap (`grep VmSwap /proc/*/status`); a machine that swaps all the time needs RAM.");
  found.advice.emplace_back("Will not help against a leak: more swap makes the end slower, not different.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.cgroup->swap = Usage{.usage_bytes = 32 << 20, .limit_bytes = 32 << 20, .unlimited = false, .failcnt = 7};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule swap_full{
    .summary = "swap was there, and full",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

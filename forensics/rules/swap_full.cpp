#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted"};

constexpr double kFull = 0.96, kMuch = 0.25;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto swap = swap_use(incident);
  if (!swap || swap->total_bytes == 0 || incident.manual ||
      static_cast<double>(swap->used_bytes) < kFull * static_cast<double>(swap->total_bytes)) {
    return std::nullopt;
  }
  const bool group = is_memcg(incident);
  const auto whole = whole_bytes(incident);
  const bool much = whole > 0 && static_cast<double>(swap->total_bytes) >= kMuch * static_cast<double>(whole);
  Diagnosis found{.code = "swap_full",
                  .title = group ? "Memory and swap of the group were both full" : "RAM and swap were both full",
                  .confidence = much ? 0.958 : 0.6,
                  .role = much ? "cause" : "circumstance"};
  found.evidence.push_back(fmt::format("{} of {} swap used{}", human_size(swap->used_bytes),
                                       human_size(swap->total_bytes),
                                       swap->memsw ? " (memory+swap limit minus memory limit)" : ""));
  if (incident.cgroup && incident.cgroup->swap && incident.cgroup->swap->failcnt.value_or(0) > 0) {
    found.evidence.push_back(fmt::format("the swap limit was hit {} times", *incident.cgroup->swap->failcnt));
  }
  if (const auto* task = largest_task(incident); task != nullptr && task->swap_bytes.value_or(0) > 0) {
    found.evidence.push_back(fmt::format("{} held {}, {} of it in swap", task_name(*task),
                                         human_size(held_bytes(*task)), human_size(*task->swap_bytes)));
    quote_task(found, incident, task->pid);
  }
  quote_swap(found, incident);
  quote_usage(found, incident);
  found.advice.push_back(
      group
          ? fmt::format(
                "What it wants in total is above {}; raise memory.max rather than swap if it is in use all the time.",
                held_formula(incident))
          : "Find out who fills the swap (`grep VmSwap /proc/*/status`); a machine that swaps all the time needs RAM.");
  if (const auto* task = largest_task(incident); !group && task != nullptr && held_bytes(*task) >= whole / 3) {
    found.advice.push_back(fmt::format(
        "{} alone held {} of {} = RAM {} + swap {}: its own ceiling (heap, pool or cache size; MemoryMax= of "
        "its unit) belongs below what the others leave.",
        task_name(*task), human_size(held_bytes(*task)), human_size(whole + swap->total_bytes), human_size(whole),
        human_size(swap->total_bytes)));
  }
  found.will_not_help.emplace_back("More swap against a leak: it makes the end slower, not different.");
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
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"swap_full", "anon_growth", "swap_absent", "leak"};

constexpr double kTimes = 1, kTimesFromSwap = 0.25, kStalled = 0.5;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& thrashing = incident.analysis.thrashing;
  if (!thrashing || !incident.cgroup || incident.manual) {
    return std::nullopt;
  }
  const auto page = incident.analysis.page_size_bytes.value_or(4096);
  const auto limit = static_cast<double>(std::max<std::uint64_t>(thrashing->limit_bytes.value_or(0), 1));
  const auto from_swap = cgroup::find(incident.cgroup->stat, "workingset_refault_anon").value_or(0) * page;
  const bool swaps = thrashing->limit_bytes && static_cast<double>(from_swap) >= kTimesFromSwap * limit;
  // Standing still alone is what any group does whose limit is near.
  const bool stalled = thrashing->pressure_full_share.value_or(0) >= kStalled &&
                       static_cast<double>(thrashing->refault_bytes.value_or(0)) >= kTimes * limit;
  Diagnosis found{.code = "thrashing",
                  .title = swaps
                               ? "The working set did not fit: pages went to swap and back all the time before the kill"
                               : "The working set did not fit: pages were thrown out and read back before the kill",
                  .confidence = swaps     ? 0.962
                                : stalled ? 0.7
                                          : 0.45,
                  .role = swaps || stalled ? "cause" : "circumstance"};
  found.evidence.push_back(thrashing->words);
  quote_counters(found, incident,
                 {"workingset_refault_anon", "workingset_refault_file", "workingset_refault", "pgmajfault"});
  quote_usage(found, incident);
  quote_swap(found, incident);
  if (const auto held = held_formula(incident); !held.empty()) {
    found.advice.push_back(fmt::format("Give it room for its working set: a memory.max above {}.", held));
  }
  found.advice.emplace_back(
      "Watch memory.pressure: `full` far above 0 for seconds says that nobody gets on, long before the kill; "
      "systemd-oomd "
      "acts on it.");
  found.will_not_help.emplace_back("More swap: it lets the thrashing go on for longer.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}, {"workingset_refault_anon", 100000}});
  incident.cgroup->swap = Usage{.usage_bytes = 60 << 20, .limit_bytes = 64 << 20, .unlimited = false, .failcnt = 7};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule thrashing{
    .summary = "the group thrashed before the kill",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

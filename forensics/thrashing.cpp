#include "forensics/thrashing.h"

#include <cmath>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"

namespace forensics {
namespace {

constexpr double kTimesTheLimit = 2, kTimesFromSwap = 0.25, kStalled = 0.3, kShortestRun = 0.5;

// Pages that were read back soon after they had been thrown out, by the counters of 4.12 and later.
Count refault_bytes(const Incident& incident) {
  if (!incident.cgroup) {
    return std::nullopt;
  }
  const auto& stat = incident.cgroup->stat;
  const auto file = cgroup::find(stat, "workingset_refault_file"), anon = cgroup::find(stat, "workingset_refault_anon");
  const auto both = cgroup::find(stat, "workingset_refault");
  if (!file && !anon && !both) {
    return std::nullopt;
  }
  const auto pages = file.value_or(0) + anon.value_or(0) + both.value_or(0);
  const auto page = incident.analysis.page_size_bytes.value_or(4096);
  return pages > UINT64_MAX / page ? UINT64_MAX : pages * page;
}

std::optional<double> stalled_share(const Run* run) {
  // What memory.high holds back stands still by design, and counts as pressure.
  const bool held_back =
      run != nullptr && run->limits.memory_high_bytes && run->memory.events && run->memory.events->high > 0;
  if (run == nullptr || held_back || !run->memory.pressure_full_total_s || run->duration_s < kShortestRun) {
    return std::nullopt;
  }
  return std::round(*run->memory.pressure_full_total_s / run->duration_s * 1e4) / 1e4;
}

}  // namespace

std::optional<Thrashing> find_thrashing(const Incident& incident, const Run* run) {
  if (incident.scope != "memcg" || !incident.cgroup || !incident.cgroup->memory) {
    return std::nullopt;
  }
  Thrashing found{.refault_bytes = refault_bytes(incident),
                  .limit_bytes = incident.cgroup->memory->limit_bytes,
                  .pressure_full_share = stalled_share(run)};
  const double times = found.refault_bytes && found.limit_bytes.value_or(0) > 0
                           ? static_cast<double>(*found.refault_bytes) / static_cast<double>(*found.limit_bytes)
                           : 0;
  const auto swapped = cgroup::find(incident.cgroup->stat, "workingset_refault_anon").value_or(0);
  const bool from_swap = times >= kTimesFromSwap && found.refault_bytes &&
                         swapped * incident.analysis.page_size_bytes.value_or(4096) > *found.refault_bytes / 2;
  const bool stalled = found.pressure_full_share.value_or(0) >= kStalled;
  if (times < kTimesTheLimit && !from_swap && !stalled) {
    return std::nullopt;
  }
  if (times >= kTimesTheLimit || from_swap) {
    found.words = fmt::format("pages worth {} were read back after reclaim had thrown them out, {:.1f} times the limit",
                              base::human_size(*found.refault_bytes), times);
  }
  if (stalled) {
    found.words += fmt::format("{}all of its processes stood still for {} % of the time, waiting for memory",
                               found.words.empty() ? "" : "; ", percent(*found.pressure_full_share));
  }
  return found;
}

}  // namespace forensics

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted", "swap_absent",   "tmpfs_charged",
                                          "swap_full",   "ancestor_limit", "sibling_victim"};

constexpr double kNoticeable = 0.3;

// A group's counter overlaps its anonymous and file pages; the machine's is a list of its own, with a ramfs in it, too.
std::uint64_t locked_bytes(const Incident& incident) {
  if (is_memcg(incident)) {
    return incident.cgroup ? cgroup::find(incident.cgroup->stat, "unevictable").value_or(0) : 0;
  }
  const auto unevictable = part_bytes(incident, "unevictable");
  return incident.memory_info ? std::min(unevictable, mlocked_bytes(*incident.memory_info).value_or(unevictable)) : 0;
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto locked = locked_bytes(incident);
  const auto share = std::min(1.0, share_of_whole(incident, locked));
  // Locked file pages of a group are pinned page cache, which has a rule of its own.
  if (share < kNoticeable || incident.manual || (is_memcg(incident) && is_dominant(incident, "file"))) {
    return std::nullopt;
  }
  Diagnosis found{.code = "mlocked",
                  .title = "Memory that is locked (mlock) filled it: it can neither be swapped nor dropped",
                  .confidence = std::min(0.97, 0.68 + 0.3 * share)};
  found.evidence.push_back(
      fmt::format("{} pages: {}", is_memcg(incident) ? "unevictable" : "locked", of_whole(incident, locked)));
  quote_counters(found, incident, {"unevictable"});
  quote_usage(found, incident);
  if (const auto* task = largest_task(incident); task != nullptr) {
    found.evidence.push_back(
        fmt::format("the largest process is {} with {}", task_name(*task), human_size(held_bytes(*task))));
    quote_task(found, incident, task->pid);
  }
  found.advice.emplace_back(
      "Look for mlock, mlockall, MAP_LOCKED, SHM_LOCK, bootstrap.memory_lock of a search engine, VM guests with locked "
      "memory (`grep VmLck /proc/*/status`); lock less, or give it a limit (LimitMEMLOCK=, ulimit -l).");
  found.will_not_help.emplace_back("Swap: locked pages never go there.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}, {"unevictable", 58 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule mlocked{
    .summary = "locked memory filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

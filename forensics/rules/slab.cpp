#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kNoticeable = 0.25;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto reclaimable = part_bytes(incident, "slab_reclaimable");
  const auto unreclaimable = part_bytes(incident, "slab_unreclaimable");
  const auto share = share_of_whole(incident, reclaimable + unreclaimable);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  const bool names = reclaimable > unreclaimable;
  Diagnosis found{.code = "slab",
                  .title = names ? "Cached names and inodes (reclaimable slab) filled it"
                                 : "Kernel objects (unreclaimable slab) filled it",
                  .confidence = std::min(0.95, 0.7 + 0.3 * share)};
  found.evidence.push_back(fmt::format("slab was {} ({} reclaimable, {} not)",
                                       of_whole(incident, reclaimable + unreclaimable), human_size(reclaimable),
                                       human_size(unreclaimable)));
  if (incident.memory_info && !incident.memory_info->slab.empty()) {
    auto caches = incident.memory_info->slab;
    std::ranges::sort(caches, std::greater{}, &SlabCache::total_bytes);
    std::string largest;
    for (std::size_t i = 0; i < caches.size() && i < 3; ++i) {
      largest += fmt::format("{}{} {}", i == 0 ? "" : ", ", caches[i].name, human_size(caches[i].total_bytes));
    }
    found.evidence.push_back("largest caches: " + largest);
  }
  found.advice.emplace_back(
      names ? "Look for something that touches very many file names (find, backup, lookups of names that do not exist)."
            : "Look for leaked kernel objects: open files, sockets, epoll and inotify watches, timers (`ls "
              "/proc/PID/fd | wc -l`, "
              "`slabtop -s c`).");
  found.advice.emplace_back(
      "No process's RSS shows this memory: `memory.stat` (slab_reclaimable, slab_unreclaimable) and `slabtop` do.");
  found.advice.emplace_back(
      "Will not help: looking for the leak in the process's heap; killing a process frees only the objects that it "
      "held open.");
  return found;
}

Example example() {
  return {.incident = memcg_example(
              {{"anon", 6 << 20}, {"file", 0}, {"slab_reclaimable", 1 << 20}, {"slab_unreclaimable", 55 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule slab{
    .summary = "kernel objects (slab: dentries, inodes, buffers) filled it",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

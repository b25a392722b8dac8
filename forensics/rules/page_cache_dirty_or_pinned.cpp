#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"host_exhausted", "page_cache_harmless", "swap_absent", "ancestor_limit",
                                          "sibling_victim"};

constexpr double kNoticeable = 0.3;

void speak_of_dirty(const Incident& incident, Diagnosis& found, std::uint64_t dirty, std::uint64_t writeback) {
  found.title = "Page cache that was not written to disk yet filled it";
  found.evidence.push_back(fmt::format("dirty or being written: {} ({} dirty, {} under writeback)",
                                       of_whole(incident, dirty + writeback), human_size(dirty),
                                       human_size(writeback)));
  quote_counters(found, incident, {"file_dirty", "file_writeback", "dirty", "writeback"});
  found.advice.emplace_back(
      "Let the writer sync as it goes (fdatasync or sync_file_range every few MiB, dd oflag=direct), or write to "
      "faster storage.");
  found.advice.push_back(
      fmt::format("Set memory.high below memory.max: the writer is slowed down instead of killed; {} dirty means "
                  "writeback needs at least that much room.",
                  human_size(dirty + writeback)));
  found.will_not_help.emplace_back("A larger limit alone: a writer that is faster than the disk fills that too.");
}

// Unevictable pages that no process has locked: of files that have nothing behind them. A group's counter has locked
// file pages in it, too.
std::uint64_t pinned_of(const Incident& incident) {
  if (is_memcg(incident)) {
    const auto unevictable = incident.cgroup ? cgroup::find(incident.cgroup->stat, "unevictable").value_or(0) : 0;
    return std::min(part_bytes(incident, "file"), unevictable);
  }
  return incident.memory_info ? std::min(pinned_bytes(*incident.memory_info), part_bytes(incident, "unevictable")) : 0;
}

// Locked pages of a file are mapped; what is not mapped is of a ramfs, or like one.
bool is_mapped(const Incident& incident, std::uint64_t pinned) {
  return is_memcg(incident) && incident.cgroup &&
         cgroup::find(incident.cgroup->stat, "file_mapped").value_or(pinned) >= pinned / 2;
}

void speak_of_pinned(const Incident& incident, Diagnosis& found, std::uint64_t pinned) {
  found.evidence.push_back(fmt::format("unevictable file pages: {}", of_whole(incident, pinned)));
  quote_counters(found, incident, {"file", "unevictable", "file_mapped", "mlocked"});
  if (is_mapped(incident, pinned)) {
    found.title = "File pages that are locked in memory filled it";
    found.advice.emplace_back(
        "Look for mlock, mlockall, MAP_LOCKED or vmtouch -l on files; locked pages cannot be reclaimed.");
    found.will_not_help.emplace_back("Dropping caches, which leaves locked pages where they are.");
    return;
  }
  found.title = "File pages with nothing behind them, as of a ramfs, filled it";
  found.evidence.emplace_back(is_memcg(incident) ? "they are not mapped, so no process has locked them with mlock(2)"
                                                 : "they are not among those that the kernel counts as mlocked");
  found.advice.emplace_back(
      "Look for a ramfs (`findmnt -t ramfs`), which has no size limit: delete its files, or mount a tmpfs with size= "
      "in its place. Otherwise for shared memory locked with SHM_LOCK (`ipcs -m`), and for drivers that pin pages.");
  found.will_not_help.emplace_back("Swap, and dropping caches: the kernel has nowhere to put such pages.");
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto dirty = part_bytes(incident, "file_dirty");
  const auto writeback = part_bytes(incident, "file_writeback");
  const auto pinned = pinned_of(incident);
  const auto share = share_of_whole(incident, dirty + writeback);
  const auto pinned_share = share_of_whole(incident, pinned);
  if ((share < kNoticeable && pinned_share < kNoticeable) || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "page_cache_dirty_or_pinned", .title = {}, .confidence = 0.65 + 0.3 * std::max(share, pinned_share)};
  quote_usage(found, incident);
  if (share >= pinned_share) {
    speak_of_dirty(incident, found, dirty, writeback);
  } else {
    speak_of_pinned(incident, found, pinned);
  }
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 4 << 20}, {"file", 56 << 20}, {"file_dirty", 50 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule page_cache_dirty_or_pinned{
    .summary = "page cache that could not be given back filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

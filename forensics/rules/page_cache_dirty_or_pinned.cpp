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

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto dirty = part_bytes(incident, "file_dirty");
  const auto writeback = part_bytes(incident, "file_writeback");
  const auto clean = part_bytes(incident, "file");
  const auto locked =
      incident.cgroup ? std::min(clean, cgroup::find(incident.cgroup->stat, "unevictable").value_or(0)) : 0;
  const auto share = share_of_whole(incident, dirty + writeback);
  const auto locked_share = share_of_whole(incident, locked);
  if ((share < kNoticeable && locked_share < kNoticeable) || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{.code = "page_cache_dirty_or_pinned",
                  .title = "File pages that are locked in memory filled it",
                  .confidence = 0.65 + 0.3 * std::max(share, locked_share)};
  quote_usage(found, incident);
  if (share >= locked_share) {
    speak_of_dirty(incident, found, dirty, writeback);
    return found;
  }
  found.evidence.push_back(fmt::format("unevictable file pages: {}", of_whole(incident, locked)));
  quote_counters(found, incident, {"file", "unevictable"});
  found.advice.emplace_back(
      "Look for mlock, mlockall, MAP_LOCKED or vmtouch -l on files; locked pages cannot be reclaimed.");
  found.will_not_help.emplace_back("Dropping caches, which leaves locked pages where they are.");
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

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth",    "host_exhausted", "swap_absent", "tmpfs_charged",
                                          "leak",           "spike",          "staircase",   "swap_full",
                                          "ancestor_limit", "sibling_victim"};

constexpr double kNoticeable = 0.1, kFarAbove = 8;
constexpr std::uint64_t kPagesPerTable = 512;  // 8-byte entries in a page of 4 KiB

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto tables = part_bytes(incident, "pagetables") + part_bytes(incident, "sec_pagetables");
  const auto share = share_of_whole(incident, tables);
  const auto pages = part_bytes(incident, "anon") + part_bytes(incident, "shmem") + part_bytes(incident, "file");
  const auto usual = pages / kPagesPerTable;
  if (share < kNoticeable || static_cast<double>(tables) < kFarAbove * static_cast<double>(usual)) {
    return std::nullopt;
  }
  Diagnosis found{.code = "page_tables",
                  .title = "Page tables took the memory, not the pages they map",
                  .confidence = std::min(0.96, 0.72 + 0.6 * share)};
  found.evidence.push_back(fmt::format("page tables were {}", of_whole(incident, tables)));
  found.evidence.push_back(
      fmt::format("{} would be usual: one page of entries maps {} pages, and {} of data were there", human_size(usual),
                  kPagesPerTable, human_size(pages)));
  quote_counters(found, incident, {"pagetables", "sec_pagetables"});
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Look for many processes that map the same large shared memory (a database without huge pages), or for mappings "
      "that are touched once every 2 MiB.");
  found.advice.emplace_back(
      "Huge pages need 512 times fewer entries: huge_pages=on of the database, MAP_HUGETLB, or "
      "madvise(MADV_HUGEPAGE).");
  found.will_not_help.emplace_back("Reducing RSS by madvise(MADV_DONTNEED): empty page tables stay until munmap.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 30 << 20}, {"file", 0}, {"pagetables", 30 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule page_tables{
    .summary = "page tables filled a noticeable part of it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kNoticeable = 0.1;
constexpr std::uint64_t kPagesPerTable = 512;  // 8-byte entries in a page of 4 KiB

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto tables = part_bytes(incident, "pagetables");
  const auto share = share_of_whole(incident, tables);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "page_tables",
                  .title = "Page tables took the memory, not the pages they map",
                  .confidence = std::min(0.95, 0.7 + 0.5 * share)};
  const auto pages = part_bytes(incident, "anon") + part_bytes(incident, "shmem") + part_bytes(incident, "file");
  found.evidence.push_back(fmt::format("page tables were {}", of_whole(incident, tables)));
  found.evidence.push_back(
      fmt::format("{} would be usual: one page of entries maps {} pages, and {} of data were there",
                  human_size(pages / kPagesPerTable), kPagesPerTable, human_size(pages)));
  found.advice.emplace_back(
      "Look for many processes that map the same large shared memory (a database without huge pages), or for mappings "
      "that are touched "
      "once every 2 MiB.");
  found.advice.emplace_back(
      "Huge pages need 512 times fewer entries: huge_pages=on of the database, MAP_HUGETLB, or "
      "madvise(MADV_HUGEPAGE).");
  found.advice.emplace_back(
      "Will not help: reducing RSS by madvise(MADV_DONTNEED); empty page tables stay until munmap.");
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
};

}  // namespace forensics::rules

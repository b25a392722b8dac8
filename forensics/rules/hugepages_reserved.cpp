#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"host_exhausted", "anon_growth", "swap_absent", "swap_full",
                                          "process_fan_out"};

constexpr double kNoticeable = 0.2;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto bytes = part_bytes(incident, "hugetlb");
  const auto share = share_of_whole(incident, bytes);
  if (share < kNoticeable || incident.manual) {
    return std::nullopt;
  }
  std::uint64_t unused = 0;
  if (incident.memory_info) {
    for (const auto& pool : incident.memory_info->hugepages) {
      unused += std::min(pool.free, pool.total) * pool.size_bytes;
    }
  }
  const bool idle = unused * 2 > bytes;
  Diagnosis found{
      .code = "hugepages_reserved",
      .title = idle ? "Huge pages are set aside and not used; nothing else may take them"
                    : "Huge pages (hugetlb) hold the memory; they are never given back to others",
      .confidence = idle ? std::min(0.96, 0.8 + 0.2 * share) : cause_confidence(incident, "hugetlb", share)};
  found.evidence.push_back(
      fmt::format("huge pages were {}, {} of them unused", of_whole(incident, bytes), human_size(unused)));
  quote_text(found, incident, "hugepages_total=");
  quote_text(found, incident, "pages RAM");
  quote_counters(found, incident, {"hugetlb"});
  if (incident.memory_info) {
    for (const auto& pool : incident.memory_info->hugepages) {
      if (pool.total > 0) {
        found.advice.push_back(fmt::format(
            "Node {}: {} pages of {} are reserved, {} in use: {} would do, which frees {} = {} × {} (vm.nr_hugepages, "
            "hugepages= on the kernel's command line).",
            pool.node, pool.total, human_size(pool.size_bytes), pool.total - std::min(pool.free, pool.total),
            pool.total - std::min(pool.free, pool.total), human_size(std::min(pool.free, pool.total) * pool.size_bytes),
            pool.free, human_size(pool.size_bytes)));
      }
    }
  }
  if (found.advice.empty()) {
    found.advice.emplace_back("Ask for fewer huge pages (vm.nr_hugepages; huge_pages of the database).");
  }
  found.will_not_help.emplace_back(
      "Looking at RSS or at the page cache: this memory is in neither, and no kill frees it.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 90000}, {"free", 8000}});
  incident.memory_info->hugepages = {{.node = 0, .total = 300, .free = 300, .surplus = 0, .size_bytes = 2 << 20}};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule hugepages_reserved{
    .summary = "huge pages hold the memory, used or not",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

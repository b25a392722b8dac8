#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"host_exhausted", "swap_full", "driver_or_unaccounted", "anon_growth",
                                          "process_fan_out"};

constexpr double kCounted = 0.1, kGuessed = 0.3;
constexpr std::uint64_t kWorstRatio = 8;

// Kernels before 6.18 do not print what zram holds: then it is the memory that nobody counts while pages are in swap,
// and not more than was swapped.
std::uint64_t guessed_bytes(const Incident& incident) {
  const auto swap = swap_use(incident);
  const auto unaccounted = part_bytes(incident, "unaccounted");
  // Pages that do not compress take a little more than themselves.
  const bool fits =
      swap && swap->used_bytes + swap->used_bytes / 4 >= unaccounted && swap->used_bytes <= unaccounted * kWorstRatio;
  return is_machine_wide(incident) && fits ? unaccounted : 0;
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto counted = part_bytes(incident, "zspages") + part_bytes(incident, "zswap");
  const auto bytes = counted > 0 ? counted : guessed_bytes(incident);
  const auto share = share_of_whole(incident, bytes);
  if (share < (counted > 0 ? kCounted : kGuessed) || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{.code = "zram",
                  .title = counted > 0
                               ? "Compressed swap in RAM (zram or zswap) took the memory it was to save"
                               : "Swap was probably in RAM (zram): what was swapped out still filled the machine",
                  .confidence = counted > 0 ? std::min(0.965, 0.8 + 0.4 * share) : std::min(0.95, 0.86 + 0.3 * share)};
  const auto swap = swap_use(incident);
  found.evidence.push_back(counted > 0
                               ? fmt::format("compressed pages were {}", of_whole(incident, counted))
                               : fmt::format("{} is in no counter, while {} were in swap: with zram that is where "
                                             "they are",
                                             of_whole(incident, bytes), human_size(swap->used_bytes)));
  if (counted > 0 && swap && swap->used_bytes > 0) {
    found.evidence.push_back(fmt::format("they stand for {} of swapped pages", human_size(swap->used_bytes)));
  }
  quote_text(found, incident, "zspages:");
  quote_counters(found, incident, {"zswap"});
  quote_swap(found, incident);
  quote_text(found, incident, "pages RAM");
  found.advice.emplace_back(
      "`zramctl` shows how well the pages compress (DATA against TOTAL); data that is random or compressed already "
      "gains "
      "nothing. Limit what it may take (mem_limit of the device, memory.zswap.max of a group).");
  found.advice.emplace_back("Make the device no larger than compression can pay for: half of the RAM is usual.");
  found.will_not_help.emplace_back("A larger zram device: every page in it needs RAM.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 60000}, {"free", 8000}});
  incident.memory_info->zones = {
      {.node = 0, .name = "Normal", .counters = {{"free", 32 << 20}, {"zspages", 600 << 20}}}};
  incident.memory_info->swap_total_bytes = 900 << 20;
  incident.memory_info->swap_free_bytes = 1 << 20;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule zram{
    .summary = "compressed swap in RAM took the memory it was to save",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

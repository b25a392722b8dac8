#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {
    "host_exhausted",     "anon_growth", "slab",  "kernel_memory", "page_tables", "driver_or_unaccounted",
    "swap_absent",        "swap_full",   "pipes", "sockets",       "threads",     "process_fan_out",
    "page_cache_harmless"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& why = incident.analysis.why_now;
  if (!why || why->code != "cma_only") {
    return std::nullopt;
  }
  Diagnosis found{.code = "cma_only",
                  .title = "The memory that was free is CMA, which this request may not use",
                  .confidence = 0.96};
  found.evidence.push_back(why->words);
  const auto reserved = incident.memory_info ? incident.memory_info->cma_reserved_pages : std::nullopt;
  const auto page = incident.analysis.page_size_bytes.value_or(4096);
  if (reserved) {
    found.evidence.push_back(fmt::format("{} are set aside for CMA", human_size(*reserved * page)));
  }
  quote_zones(found, incident);
  quote_text(found, incident, "cma reserved");
  quote_text(found, incident, "free_cma:");
  found.advice.push_back(fmt::format(
      "Make the area smaller: cma=SIZE on the kernel's command line (or the device tree){}. Drivers for cameras, "
      "displays "
      "and GPUs say how much they need.",
      reserved
          ? fmt::format("; it is {} now = {} pages × {}", human_size(*reserved * page), *reserved, human_size(page))
          : ""));
  found.advice.emplace_back(
      "Until then what cannot be moved (slab, page tables, pipes and sockets) has to stay within the rest of the RAM.");
  found.will_not_help.emplace_back("Freeing more movable memory: it is not what the kernel was short of.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 130000}, {"free_cma", 128000}});
  incident.trigger.order = 0;
  incident.trigger.gfp_mask =
      GfpMask{.value = 0xcc0,
              .text = "GFP_KERNEL",
              .flags = {"__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM", "__GFP_IO", "__GFP_FS"}};
  incident.memory_info->zones = {
      {.node = 0, .name = "Normal", .counters = {{"free", 508 << 20}, {"min", 16 << 20}, {"free_cma", 500 << 20}}}};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule cma_only{
    .summary = "what was free is CMA, kept for movable pages",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {
    "host_exhausted",      "anon_growth", "slab",          "kernel_memory", "page_tables", "driver_or_unaccounted",
    "swap_absent",         "swap_full",   "pipes",         "sockets",       "threads",     "process_fan_out",
    "page_cache_harmless", "mlocked",     "tmpfs_charged", "tmpfs_orphaned"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& why = incident.analysis.why_now;
  const auto& request = incident.analysis.request;
  if (!why || why->code != "fragmented" || !request) {
    return std::nullopt;
  }
  Diagnosis found{.code = "fragmentation", .title = "Enough memory was free, but not in one piece", .confidence = 0.96};
  found.evidence.push_back(why->words);
  found.evidence.push_back(fmt::format("asked for: {}", request->words));
  for (const auto& zone : incident.analysis.zones) {
    if (zone.allowed == true && zone.largest_free_bytes) {
      found.evidence.push_back(
          fmt::format("largest free piece in zone {}: {}", zone.name, human_size(*zone.largest_free_bytes)));
    }
  }
  quote_text(found, incident, "invoked oom-killer");
  quote_zones(found, incident);
  quote_text(found, incident, "*4kB");
  found.advice.emplace_back(
      "Find who asks for so much in one piece (the call trace): many drivers and kernel settings have a size below it "
      "(jumbo frames, ring sizes, pipe sizes).");
  found.advice.emplace_back(
      "More room for compaction to work in: a larger vm.min_free_kbytes, `echo 1 > /proc/sys/vm/compact_memory` now "
      "and "
      "then; memory that cannot be moved (slab, pipes, page tables) is what stands in its way.");
  found.will_not_help.emplace_back("More swap, or dropping caches alone: the pieces stay small.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 60000}});
  incident.trigger.order = 3;
  incident.trigger.gfp_mask =
      GfpMask{.value = 0xcc0,
              .text = "GFP_KERNEL",
              .flags = {"__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM", "__GFP_IO", "__GFP_FS"}};
  incident.memory_info->zones = {{.node = 0,
                                  .name = "Normal",
                                  .counters = {{"free", 240 << 20}, {"min", 16 << 20}},
                                  .buddy = {{.size_bytes = 4096, .free = 60000, .types = "UM"},
                                            {.size_bytes = 8192, .free = 720, .types = "U"},
                                            {.size_bytes = 16384, .free = 0, .types = ""},
                                            {.size_bytes = 32768, .free = 0, .types = ""}}}};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule fragmentation{
    .summary = "free memory lay in pieces smaller than what was asked for",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

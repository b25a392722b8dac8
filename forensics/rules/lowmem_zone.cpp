#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"host_exhausted",
                                          "anon_growth",
                                          "slab",
                                          "slab_dentry",
                                          "slab_inode",
                                          "kernel_memory",
                                          "page_tables",
                                          "driver_or_unaccounted",
                                          "swap_absent",
                                          "swap_full",
                                          "pipes",
                                          "sockets",
                                          "threads",
                                          "process_fan_out",
                                          "page_cache_harmless",
                                          "tmpfs_charged",
                                          "tmpfs_orphaned"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& why = incident.analysis.why_now;
  if (!why || why->code != "lowmem_zone") {
    return std::nullopt;
  }
  Diagnosis found{.code = "lowmem_zone",
                  .title = "The zone that the request is confined to was empty, while others had memory",
                  .confidence = 0.96};
  found.evidence.push_back(why->words);
  for (const auto& zone : incident.analysis.zones) {
    if (zone.allowed == false) {
      found.evidence.push_back(fmt::format("zone {} had {} free", zone.name, human_size(zone.free_bytes.value_or(0))));
      quote_text(found, incident, fmt::format("{} free:", zone.name));
    }
  }
  quote_text(found, incident, "invoked oom-killer");
  quote_zones(found, incident);
  quote_text(found, incident, " free:");
  found.advice.emplace_back(
      "On a 64-bit machine the other zone is Movable, which takes nothing that cannot be moved: make it smaller "
      "(movablecore=, kernelcore= on the kernel's command line; online_movable of hot-plugged memory).");
  found.advice.emplace_back(
      "Find what fills the low zones for good: kernel objects (slab), page tables, pipes; on 32-bit kernels all of "
      "them, "
      "whatever the RAM. A 64-bit kernel has no such zone.");
  found.will_not_help.emplace_back(
      "More RAM, or killing processes: it would be free in the zones that have room already.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 30000}, {"free", 150000}});
  incident.trigger.order = 0;
  incident.trigger.gfp_mask =
      GfpMask{.value = 0xcc0,
              .text = "GFP_KERNEL",
              .flags = {"__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM", "__GFP_IO", "__GFP_FS"}};
  incident.memory_info->zones = {{.node = 0, .name = "Normal", .counters = {{"free", 8 << 20}, {"min", 16 << 20}}},
                                 {.node = 0, .name = "Movable", .counters = {{"free", 500 << 20}, {"min", 16 << 20}}}};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule lowmem_zone{
    .summary = "a low or non-movable zone was empty while others were not",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

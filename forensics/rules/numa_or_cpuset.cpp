#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted",  "swap_absent",
                                          "swap_full",   "process_fan_out", "page_cache_harmless",
                                          "mlocked",     "tmpfs_charged",   "tmpfs_orphaned"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const bool cpuset = incident.scope == "cpuset";
  if (!cpuset && incident.scope != "mempolicy") {
    return std::nullopt;
  }
  Diagnosis found{.code = "numa_or_cpuset",
                  .title = cpuset
                               ? "The memory nodes that the cpuset allows were full; other nodes were not asked"
                               : "The memory nodes that the NUMA policy allows were full; other nodes were not asked",
                  .confidence = 0.965};
  found.evidence.push_back(incident.analysis.why_now ? incident.analysis.why_now->words
                                                     : "the constraint that the kernel names in its report");
  const auto bound = whole_bytes(incident);
  const auto& info = incident.memory_info;
  if (info && info->ram_pages && bound > 0) {
    const auto all = *info->ram_pages * incident.analysis.page_size_bytes.value_or(4096);
    if (bound < all) {
      found.evidence.push_back(
          fmt::format("these nodes hold {} of the machine's {}", human_size(bound), human_size(all)));
    }
  }
  quote_text(found, incident, "oom-kill:constraint=");
  quote_text(found, incident, "mems_allowed=");
  quote_zones(found, incident);
  found.advice.emplace_back(
      cpuset ? "Widen cpuset.mems of the group (AllowedMemoryNodes= of a unit, --cpuset-mems of a container), or "
               "spread the "
               "processes over the nodes."
             : "Let the policy prefer instead of bind (MPOL_PREFERRED, MPOL_PREFERRED_MANY; `numactl --preferred`), or "
               "interleave over more nodes.");
  found.will_not_help.emplace_back(
      "Raising memory limits, or free memory on other nodes: the request may not go there.");
  return found;
}

Example example() {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 120000}});
  incident.scope = "cpuset";
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule numa_or_cpuset{
    .summary = "a cpuset or NUMA policy confined the request to full nodes",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

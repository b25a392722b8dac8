#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"kernel_memory", "anon_growth", "host_exhausted", "ancestor_limit",
                                          "sibling_victim"};

constexpr double kNoticeable = 0.2;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto bytes = part_bytes(incident, "percpu");
  const auto share = share_of_whole(incident, bytes);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "percpu",
                  .title = "Per-CPU kernel memory filled it: each such object is there once for every possible CPU",
                  .confidence = std::min(0.96, cause_confidence(incident, "percpu", share) + 0.02)};
  found.evidence.push_back(fmt::format("per-CPU memory was {}", of_whole(incident, bytes)));
  quote_counters(found, incident, {"percpu"});
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Look for BPF maps of the per-CPU kinds (`bpftool map`), very many cgroups, mounts or network devices made by "
      "the "
      "group (`cat /proc/cgroups`, nr_descendants of cgroup.stat).");
  found.advice.emplace_back(
      "The price of one object grows with the possible CPUs (/sys/devices/system/cpu/possible), not with those in use: "
      "possible_cpus= on the kernel's command line lowers it in VMs.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 6 << 20}, {"file", 0}, {"kernel", 56 << 20}, {"percpu", 52 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule percpu{
    .summary = "per-CPU kernel memory filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

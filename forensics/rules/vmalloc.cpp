#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"kernel_memory",   "anon_growth",    "host_exhausted",
                                          "process_fan_out", "ancestor_limit", "sibling_victim"};

constexpr double kNoticeable = 0.2;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  // Pages of a buffer that is being made are charged already, and counted when it is complete.
  const auto making = incident.analysis.allocation_path == "vmalloc" ? part_bytes(incident, "kernel_other") : 0;
  const auto bytes = part_bytes(incident, "vmalloc") + making;
  const auto share = share_of_whole(incident, bytes);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "vmalloc",
                  .title = "Large buffers of the kernel (vmalloc) filled it",
                  .confidence = std::min(0.965, 0.7 + 0.28 * share)};
  found.evidence.push_back(fmt::format("vmalloc memory was {}", of_whole(incident, bytes)));
  if (making > 0) {
    found.evidence.push_back(fmt::format("{} of it in buffers that were being made", human_size(making)));
    quote_text(found, incident, "invoked oom-killer");
  }
  quote_counters(found, incident, {"vmalloc"});
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Look for what makes the kernel keep large tables for a process: file descriptor numbers in the hundred "
      "thousands "
      "(8 bytes each, for every process), BPF maps, large xattrs, packet filters (`cat /proc/vmallocinfo` names the "
      "callers).");
  found.advice.emplace_back(
      "A lower RLIMIT_NOFILE (LimitNOFILE=) bounds the table of descriptors; close-range loops and dup2 to high "
      "numbers "
      "make it grow.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 6 << 20}, {"file", 0}, {"kernel", 56 << 20}, {"vmalloc", 52 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule vmalloc{
    .summary = "large kernel buffers (vmalloc) filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"kernel_memory", "anon_growth", "host_exhausted", "process_fan_out"};

constexpr double kNoticeable = 0.2;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto bytes = part_bytes(incident, "vmalloc");
  const auto share = share_of_whole(incident, bytes);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "vmalloc",
                  .title = "Large buffers of the kernel (vmalloc) filled it",
                  .confidence = std::min(0.96, cause_confidence(incident, "vmalloc", share) + 0.02)};
  found.evidence.push_back(fmt::format("vmalloc memory was {}", of_whole(incident, bytes)));
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

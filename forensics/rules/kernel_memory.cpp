#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"host_exhausted", "ancestor_limit", "sibling_victim"};

constexpr double kNoticeable = 0.3;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto other = part_bytes(incident, "kernel_other");
  const auto share = share_of_whole(incident, other);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "kernel_memory",
                  .title = "Kernel memory that no counter of its own names filled it",
                  .confidence = cause_confidence(incident, "kernel_other", share)};
  found.evidence.push_back(fmt::format("kernel memory beside slab, stacks, page tables, per-CPU and vmalloc was {}",
                                       of_whole(incident, other)));
  quote_counters(found, incident, {"kernel", "slab"});
  quote_start(found, incident, "kmem: usage");
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Look for pipes and their buffers, BPF maps, io_uring rings, packet sockets with mmap'ed rings, and kernel "
      "buffers of devices: they are charged by whole pages and counted nowhere else.");
  found.advice.emplace_back(
      "`ls -l /proc/PID/fd` of the processes shows what they hold open; closing it gives the memory back.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  return {.incident =
              memcg_example({{"anon", 6 << 20}, {"file", 0}, {"kernel", 56 << 20}, {"slab_unreclaimable", 2 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule kernel_memory{
    .summary = "kernel memory that no counter of its own names filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth",    "kernel_memory",  "slab",          "page_tables",
                                          "host_exhausted", "leak",           "spike",         "staircase",
                                          "swap_absent",    "ancestor_limit", "sibling_victim"};

constexpr double kNoticeable = 0.06;
constexpr std::uint64_t kStack = 16 << 10;  // THREAD_SIZE of x86-64 and arm64 with pages of 4 KiB
constexpr std::uint64_t kMany = 100, kPerProcess = 20;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto stacks = part_bytes(incident, "kernel_stack");
  const auto share = share_of_whole(incident, stacks);
  const auto threads = stacks / kStack;
  const auto processes = std::max<std::size_t>(incident.tasks.size(), 1);
  if (share < kNoticeable || threads < kMany || threads < kPerProcess * processes || incident.tasks.empty()) {
    return std::nullopt;
  }
  // Each thread also has its user stack, a task_struct and page tables: the kernel's stacks are a small part of its
  // price.
  Diagnosis found{
      .code = "threads", .title = "Very many threads filled it", .confidence = std::min(0.957, 0.9 + 0.5 * share)};
  const auto each = whole_bytes(incident) / std::max<std::uint64_t>(threads, 1);
  found.evidence.push_back(fmt::format("kernel stacks were {}: about {} threads of {} each, in {} process{}",
                                       of_whole(incident, stacks), threads, human_size(kStack), processes,
                                       processes == 1 ? "" : "es"));
  quote_counters(found, incident, {"kernel_stack", "slab_unreclaimable", "anon"});
  quote_text(found, incident, "kernel_stack:");
  quote_usage(found, incident);
  found.advice.push_back(fmt::format(
      "Cap the pool: each thread costs about {} here = {} / {} threads, its user stack, kernel stack and kernel "
      "objects together.",
      human_size(each), human_size(whole_bytes(incident)), threads));
  found.advice.emplace_back(
      "If nobody meant to start that many, look for a thread leak: `ls /proc/PID/task | wc -l`; pids.max "
      "counts threads, too, and makes pthread_create fail instead.");
  found.will_not_help.emplace_back("A smaller heap: the price of each thread stays.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 30 << 20},
                                     {"file", 0},
                                     {"kernel", 30 << 20},
                                     {"kernel_stack", 16 << 20},
                                     {"slab_unreclaimable", 10 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule threads{
    .summary = "very many threads filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"kernel_memory", "driver_or_unaccounted", "host_exhausted",
                                          "anon_growth",   "ancestor_limit",        "sibling_victim"};

constexpr double kNoticeable = 0.25;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  auto nameless = is_memcg(incident) ? part_bytes(incident, "kernel_other") : part_bytes(incident, "unaccounted");
  if (trace_has(incident, {"create_pipe_files", "alloc_pipe_info", "do_pipe2"})) {
    nameless += part_bytes(incident, "slab_unreclaimable") + part_bytes(incident, "slab_reclaimable");  // empty pipes
  }
  const auto share = share_of_whole(incident, nameless);
  if (incident.analysis.allocation_path != "pipe" || share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "pipes",
                  .title = "Data in pipes that nobody reads filled it",
                  .confidence = std::min(0.96, 0.8 + 0.2 * share)};
  found.evidence.push_back(
      fmt::format("the allocation that failed was for a pipe, and {} is kernel memory that no "
                  "counter names, as the pages of pipes are",
                  of_whole(incident, nameless)));
  quote_text(found, incident, "invoked oom-killer");
  quote_counters(found, incident, {"kernel"});
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Find pipes that are written and not read: `ls -l /proc/PID/fd | grep pipe` of the processes; a reader that "
      "hangs, or "
      "ends of pipes that leak.");
  found.advice.emplace_back(
      "The kernel's own ceilings: fs.pipe-max-size for one pipe, fs.pipe-user-pages-soft and -hard for all of a user.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 6 << 20}, {"file", 0}, {"kernel", 56 << 20}});
  incident.call_trace = {"__alloc_pages", "pipe_write", "vfs_write"};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule pipes{
    .summary = "data in pipes that nobody reads filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

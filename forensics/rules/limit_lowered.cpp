#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "sibling_victim", "ancestor_limit", "oom_group",
                                          "swap_absent"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (!is_memcg(incident) || incident.analysis.allocation_path != "limit_lowered") {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "limit_lowered", .title = "The limit was set below what the group was using", .confidence = 0.97};
  found.evidence.push_back(fmt::format("{} was writing the limit when the kill came",
                                       process_name(incident.trigger.comm, incident.trigger.pid.value_or(0))));
  quote_text(found, incident, "invoked oom-killer");
  quote_usage(found, incident);
  if (const auto held = held_formula(incident); !held.empty()) {
    found.evidence.push_back("in use at that moment: " + held);
    found.advice.push_back(fmt::format("A limit that is set on a running group has to be above {}.", held));
  }
  found.advice.emplace_back(
      "Lower memory.high first: reclaim then brings the usage down without killing, and memory.max can follow.");
  found.will_not_help.emplace_back("Looking for growth: the group did not grow, its limit shrank.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.trigger.comm = "sh";
  incident.trigger.pid = 7;
  incident.call_trace = {"mem_cgroup_out_of_memory", "memory_max_write", "cgroup_file_write"};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule limit_lowered{
    .summary = "somebody lowered the limit below the usage",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

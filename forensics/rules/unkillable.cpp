#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted", "ancestor_limit", "sibling_victim",
                                          "swap_absent"};

constexpr std::int64_t kNever = -1000;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (incident.kind != "no_victim") {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "unkillable", .title = "No process could be killed, so the memory stays full", .confidence = 0.985};
  const auto exempt =
      std::ranges::count_if(incident.tasks, [](const Task& task) { return task.oom_score_adj == kNever; });
  if (exempt > 0) {
    found.evidence.push_back(
        fmt::format("{} of {} listed processes have oom_score_adj -1000", exempt, incident.tasks.size()));
    quote_task(found, incident, largest_task(incident)->pid);
  } else if (incident.tasks.empty()) {
    found.evidence.emplace_back(
        "the report lists no process: the memory belongs to files or kernel objects that outlived their processes");
  }
  if (incident.repeats > 1) {
    found.evidence.push_back(fmt::format("the report came {} times in a row", incident.repeats));
  }
  quote_text(found, incident, "no killable processes");
  quote_text(found, incident, "is already exiting");
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Raise oom_score_adj of what may die (echo 0 > /proc/PID/oom_score_adj; OOMScoreAdjust= of the unit), or kill it "
      "by hand.");
  found.advice.emplace_back(
      "Until then whoever allocates in that group hangs and tries again: raise the limit to get it moving.");
  found.will_not_help.emplace_back("Waiting: nothing in the kernel resolves this by itself.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.kind = "no_victim";
  incident.victims.clear();
  incident.tasks.front().oom_score_adj = kNever;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule unkillable{
    .summary = "no process could be killed",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

constexpr std::int64_t kNever = -1000;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  if (incident.kind != "no_victim") {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "unkillable", .title = "No process could be killed, so the memory stays full", .confidence = 0.98};
  const auto exempt =
      std::ranges::count_if(incident.tasks, [](const Task& task) { return task.oom_score_adj == kNever; });
  if (exempt > 0) {
    found.evidence.push_back(
        fmt::format("{} of {} listed processes have oom_score_adj -1000", exempt, incident.tasks.size()));
  } else if (incident.tasks.empty()) {
    found.evidence.emplace_back(
        "the report lists no process: the memory belongs to files or kernel objects that outlived their processes");
  }
  if (incident.repeats > 1) {
    found.evidence.push_back(fmt::format("the report came {} times in a row", incident.repeats));
  }
  found.advice.emplace_back(
      "Raise oom_score_adj of what may die (echo 0 > /proc/PID/oom_score_adj; OOMScoreAdjust= of the unit), or kill it "
      "by hand.");
  found.advice.emplace_back(
      "Until then whoever allocates in that group hangs and tries again: raise the limit to get it moving.");
  found.advice.emplace_back("Will not help: waiting; nothing in the kernel resolves this by itself.");
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
};

}  // namespace forensics::rules

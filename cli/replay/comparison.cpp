#include "cli/replay/comparison.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "cgroup/parse.h"

namespace cli::replay {
namespace {

std::string dominant_of(const forensics::Incident& incident) {
  if (incident.analysis.dominant) {
    return incident.analysis.dominant->part;
  }
  const auto& parts = incident.analysis.breakdown;
  const auto largest = std::ranges::max_element(parts, {}, &forensics::Part::bytes);
  return largest == parts.end() ? "" : largest->part;
}

std::string level_of(const forensics::Incident& incident) {
  const auto& owner = incident.analysis.limit_owner;
  if (incident.scope != "memcg" || !owner || !owner->levels_above_victim) {
    return "";
  }
  // How far above is a matter of how deep the groups were; whether it is above is not.
  return *owner->levels_above_victim == 0 ? "the victim's own" : "a level above the victim's";
}

std::string trigger_of(const scenario::Findings& again, const forensics::Incident& incident) {
  const auto task = std::ranges::find(again.tasks, incident.trigger.pid, &scenario::TaskFinding::pid);
  return task != again.tasks.end() ? task->name : incident.trigger.comm.value_or("");
}

std::string victim_of(const scenario::Findings& again) {
  if (again.victims.empty()) {
    return "nobody";
  }
  const auto& first = again.victims.front();
  return first.task.empty() ? first.comm : first.task;
}

// Whether the group's setting ended more than the one that was chosen.
std::string kills_of(const forensics::Incident& incident) {
  const bool whole = std::ranges::find(incident.victims, "group", &forensics::Victim::role) != incident.victims.end();
  return incident.victims.empty() ? "" : whole ? "the whole group" : "one process";
}

std::string words_of(const std::vector<Compared>& compared, const std::string& source) {
  std::string same;
  std::string other;
  for (const auto& row : compared) {
    if (row.same) {
      same += fmt::format("{}{} ({})", same.empty() ? "" : ", ", row.what, row.again);
    } else if (row.matters) {
      other += fmt::format("{}{} ({} instead of {})", other.empty() ? "" : ", ", row.what, row.again, row.original);
    }
  }
  return base::escape_terminal(fmt::format("as in {}: {}{}{}", source, same.empty() ? "nothing" : same,
                                           other.empty() ? "" : "; different: ", other));
}

forensics::Run run_of(const scenario::Findings& again) {
  forensics::Run run;
  run.backend = again.backend;
  run.kernel = again.kernel;
  run.duration_s = again.duration_s;
  run.outcome.verdict = again.verdict == "oom_killed"  ? "oom_killed"
                        : again.verdict == "timed_out" ? "timed_out"
                                                       : "failed";
  run.outcome.oom_kills = again.victims.size();
  run.outcome.evidence = {"memory.events", "kernel_log"};
  const auto* group = again.find_group("limit");
  if (group == nullptr) {
    return run;
  }
  for (const auto& [file, value] : group->settings) {
    const auto limit = cgroup::parse_limit(value);
    const auto bytes = limit ? limit->bytes : std::nullopt;
    if (file == "memory.max") {
      run.limits.memory_max_bytes = bytes;
    } else if (file == "memory.swap.max") {
      run.limits.memory_swap_max_bytes = bytes;
    } else if (file == "memory.oom.group") {
      run.limits.oom_group = bytes == 1;
    }
  }
  run.memory.peak_bytes = cgroup::find(group->at_end, "memory.peak");
  run.memory.swap_peak_bytes = cgroup::find(group->at_end, "memory.swap.peak");
  run.timeline = group->timeline;
  return run;
}

}  // namespace

std::vector<Compared> compare(const forensics::Incident& original, const Plan& plan, const scenario::Findings& again) {
  std::vector<Compared> rows;
  const auto add = [&rows](std::string what, std::string before, std::string now) {
    if (!before.empty()) {
      const bool same = before == now;
      rows.push_back({.what = std::move(what), .original = std::move(before), .again = std::move(now), .same = same});
    }
  };
  const auto* report = again.first_report();
  const forensics::Incident nothing{.kind = "no report", .scope = "none"};
  const auto& now = report == nullptr ? nothing : *report;
  const bool was_global = original.scope != "memcg";
  add("kind", original.kind, now.kind);
  add("scope", was_global ? "global" : original.scope, now.scope);
  add("limit", level_of(original), level_of(now));
  add("victim", plan.victim, victim_of(again));
  if (const auto& seen = rows.back().again; !plan.victim.empty() && !rows.back().same) {
    rows.back().same = std::ranges::find(plan.alike, seen) != plan.alike.end();
  }
  add("killed", kills_of(original), kills_of(now));
  add("dominant part", was_global ? "" : dominant_of(original), dominant_of(now));
  add("trigger", plan.trigger, report == nullptr ? "" : trigger_of(again, now));
  if (!plan.trigger.empty()) {
    rows.back().matters = false;
  }
  return rows;
}

bool is_same(const std::vector<Compared>& compared) {
  return std::ranges::all_of(compared, [](const Compared& row) { return row.same || !row.matters; });
}

forensics::Postmortem to_postmortem(const scenario::Findings& again, const std::vector<Compared>& compared,
                                    const std::string& source) {
  auto document = again.postmortem;
  document.run = run_of(again);
  document.run->expectation =
      forensics::Expectation{.expect = "oom", .met = is_same(compared), .reason = words_of(compared, source)};
  return document;
}

}  // namespace cli::replay

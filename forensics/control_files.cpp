#include "forensics/control_files.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "forensics/analysis.h"
#include "forensics/reconcile.h"

namespace forensics {
namespace {

// Whether the path is that of the group or of one below it; a group that is not known holds everything.
bool is_within(const Text& path, const Text& group) {
  if (!path || !group || *group == "/") {
    return true;
  }
  return path->starts_with(*group) && (path->size() == group->size() || (*path)[group->size()] == '/');
}

std::uint64_t kills_within(const std::vector<LoggedKills>& kills, const Text& host, const Text& group) {
  std::uint64_t sum = 0;
  for (const auto& logged : kills) {
    const bool same_host = !host || !logged.host || *host == *logged.host;
    sum += same_host && is_within(logged.memcg, group) ? logged.processes : 0;
  }
  return sum;
}

Warning warning(std::string code, std::string message, const Incident* about = nullptr) {
  Warning made{.code = std::move(code), .message = std::move(message), .input = std::nullopt, .line = std::nullopt};
  if (about != nullptr) {
    made.input = about->log.input;
    made.line = about->log.first_line;
  }
  return made;
}

// True when the incident's statistics are now those of the file.
bool join_stat(Incident& incident, const cgroup::Counters& stat, std::vector<Warning>& warnings) {
  if (incident.cgroup && !incident.cgroup->stat.empty()) {
    warnings.push_back(warning("memory_stat_unused",
                               "the report has statistics of the moment of the kill; memory.stat is not used",
                               &incident));
    return false;
  }
  if (!incident.cgroup) {
    incident.cgroup.emplace();
  }
  incident.cgroup->stat = stat;
  explain(incident);
  return true;
}

void compare_kills(Postmortem& document, const std::vector<LoggedKills>& kills, const Incident* incident,
                   const cgroup::MemoryEvents& events) {
  if (!events.oom_kill) {
    return;
  }
  const auto group = incident != nullptr && incident->cgroup ? incident->cgroup->oom_memcg : std::nullopt;
  const auto counted = *events.oom_kill;
  const auto logged = kills_within(kills, incident != nullptr ? incident->time.host : std::nullopt, group);
  document.reconciliation.push_back(reconcile(document, "memory.events", group, logged, counted));
  if (counted > logged) {
    document.warnings.push_back(warning("kill_without_log_line",
                                        fmt::format("memory.events counts {} killed, the log shows {}", counted,
                                                    logged == 0 ? "none" : fmt::to_string(logged)),
                                        incident));
  } else if (counted < logged && group) {
    document.warnings.push_back(
        warning("kill_not_counted",
                fmt::format("memory.events counts {} killed, the log shows {} in this cgroup: the file is of another "
                            "one, or of one that was made anew",
                            counted, logged),
                incident));
  }
}

// All kills of the machine, or of the one whose log ends last where there are several.
void compare_vmstat(Postmortem& document, const std::vector<LoggedKills>& kills, const cgroup::Counters& vmstat) {
  const auto counted = cgroup::find(vmstat, "oom_kill");
  if (!counted) {
    return;
  }
  const auto host = kills.empty() ? std::nullopt : kills.back().host;
  const auto logged = kills_within(kills, host, std::nullopt);
  document.reconciliation.push_back(reconcile(document, "vmstat", std::nullopt, logged, *counted));
}

}  // namespace

std::vector<LoggedKills> logged_kills(const Postmortem& document) {
  std::vector<LoggedKills> kills;
  for (const auto& incident : document.incidents) {
    if (incident.killer == "kernel" && !incident.victims.empty()) {
      const auto& victim = incident.victims.front();
      const auto reported = incident.cgroup ? incident.cgroup->task_memcg : std::nullopt;
      kills.push_back({.host = incident.time.host,
                       .memcg = victim.task_memcg ? victim.task_memcg : reported,
                       .processes = incident.analysis.processes * incident.repeats});
    }
  }
  return kills;
}

void join(Postmortem& document, const ControlFiles& files, const std::vector<LoggedKills>& kills) {
  auto from_last = document.incidents | std::views::reverse;
  const auto found = std::ranges::find(from_last, "memcg", &Incident::scope);
  auto* const incident = found == from_last.end() ? nullptr : &*found;
  auto& warnings = document.warnings;
  if (files.stat && incident == nullptr) {
    warnings.push_back(warning("memory_stat_unused",
                               "the log shows no incident of a memory cgroup to which memory.stat could belong"));
  } else if (files.stat && join_stat(*incident, *files.stat, warnings)) {
    const auto others = std::ranges::count(document.incidents, "memcg", &Incident::scope) - 1;
    warnings.push_back(warning(
        "control_files_joined",
        fmt::format("memory.stat is taken to be of this incident{}; it says what was in use when it was copied, not at "
                    "the kill",
                    others > 0 ? fmt::format(", the last of {} in a memory cgroup", others + 1) : ""),
        incident));
  }
  if (files.events) {
    compare_kills(document, kills, incident, *files.events);
  }
  if (files.vmstat) {
    compare_vmstat(document, kills, *files.vmstat);
  }
}

}  // namespace forensics

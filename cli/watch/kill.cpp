#include "cli/watch/kill.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/kernel_reading.h"
#include "forensics/analysis.h"
#include "forensics/owner.h"

namespace cli::watch {
namespace {

using By = Settlement::By;

std::optional<std::uint64_t> bytes_of(const std::optional<cgroup::Limit>& limit) {
  return limit ? limit->bytes : std::nullopt;
}

std::optional<double> seconds(const std::optional<cgroup::PressureLine>& line) {
  return line ? std::optional(std::chrono::duration<double>(line->total).count()) : std::nullopt;
}

forensics::Usage usage_of(std::optional<std::uint64_t> usage, const std::optional<cgroup::Limit>& limit) {
  return {.usage_bytes = usage, .limit_bytes = bytes_of(limit), .unlimited = limit && !limit->bytes};
}

// An incident that no line of the log tells of: what the counters of its cgroup say.
forensics::Incident incident_of_counters(const Kill& kill) {
  forensics::Incident incident;
  incident.scope = kill.limit_cgroup ? "memcg" : "unknown";
  incident.missing = {"trigger", "call_trace", "tasks", "victim"};
  incident.time.monotonic_s = kill.monotonic_s;
  incident.kernel.release = kill.kernel;
  incident.repeats = std::max<std::uint64_t>(kill.settlement.processes, 1);
  auto& report = incident.cgroup.emplace();
  report.oom_memcg = kill.limit_cgroup;
  if (kill.settlement.by != By::ancestor) {
    report.task_memcg = kill.settlement.cgroup;
  }
  report.hierarchy = 2;
  return incident;
}

// Whether the statistics are of about the time when so much was in use: they are read now and then, and a kill may be
// quicker.
bool is_of_that_level(const cgroup::Counters& stat, std::uint64_t usage) {
  std::uint64_t sum = 0;
  for (const auto* part : {"anon", "file", "kernel", "slab", "sock"}) {
    sum += cgroup::find(stat, part).value_or(0);
  }
  return sum >= usage / 2;
}

// What the log did not print of the cgroup, because the report was rate-limited or there is no log: from its files.
void complete_from_files(const Kill& kill, forensics::Incident& incident, std::vector<forensics::Warning>& warnings) {
  if (!incident.cgroup && kill.settlement.cgroup) {
    auto& report = incident.cgroup.emplace();
    report.task_memcg = kill.settlement.cgroup;
    report.hierarchy = 2;
    report.oom_memcg = incident.scope == "memcg" ? kill.limit_cgroup : std::nullopt;
  }
  if (!incident.cgroup || !kill.group || incident.cgroup->memory || !incident.cgroup->stat.empty()) {
    return;
  }
  auto& report = *incident.cgroup;
  const auto& last = kill.group->last;
  std::optional<std::uint64_t> usage = last.memory_current;
  for (const auto& sample : kill.group->timeline) {  // what is there after the kill is less than what was there at it
    usage = std::max(usage, sample.memory);
  }
  report.memory = usage_of(usage, last.memory_max);
  report.swap = last.swap_max ? std::optional(usage_of(last.swap_current, last.swap_max)) : std::nullopt;
  if (is_of_that_level(last.memory_stat, usage.value_or(0))) {
    report.stat = last.memory_stat;
  }
  warnings.push_back({.code = "from_control_files",
                      .message = fmt::format("usage and memory.stat are those of {} as they were last read before the "
                                             "kill, not the kernel's own at the kill",
                                             base::to_valid_utf8(kill.group->path))});
}

std::string why_from_counters(const Settlement& settled) {
  const auto cgroup = base::to_valid_utf8(settled.cgroup.value_or("a cgroup"));
  switch (settled.by) {
    case By::ancestor:
      return fmt::format("a cgroup below {} was gone before it could be read: its kill is counted there", cgroup);
    case By::counters:
      return settled.incident
                 ? fmt::format(
                       "the log does not say the cgroup (reports are limited to 10 in 5 s); it is "
                       "the one whose memory.events counts a kill: {}",
                       cgroup)
                 : fmt::format("no line of the kernel log tells of it: memory.events of {} counts it", cgroup);
    case By::nobody:
      return "the log does not say the cgroup, and no memory.events that could be read counts the kill";
    case By::log:
      break;
  }
  return {};
}

forensics::Run run_of(const Kill& kill) {
  const auto& last = kill.group->last;
  forensics::Run run;
  run.kernel = kill.kernel;
  run.limits = {.memory_max_bytes = bytes_of(last.memory_max),
                .memory_high_bytes = bytes_of(last.memory_high),
                .memory_min_bytes = bytes_of(last.memory_min),
                .memory_low_bytes = bytes_of(last.memory_low),
                .memory_swap_max_bytes = bytes_of(last.swap_max),
                .oom_group = last.oom_group};
  run.memory = {.peak_bytes = last.memory_peak,
                .swap_peak_bytes = last.swap_peak,
                .events = last.events,
                .events_local = last.events_local,
                .swap_events = last.swap_events,
                .stat_at_peak = last.memory_stat,
                .pressure_some_total_s = last.pressure ? seconds(last.pressure->some) : std::nullopt,
                .pressure_full_total_s = last.pressure ? seconds(last.pressure->full) : std::nullopt};
  run.timeline = kill.group->timeline;
  if (!run.timeline.empty()) {
    run.duration_s = std::chrono::duration<double>(run.timeline.back().t - run.timeline.front().t).count();
  }
  return run;
}

// One that was killed, by whom it is seen.
forensics::Outcome outcome_of(const Kill& kill, const forensics::Incident& incident) {
  forensics::Outcome outcome;
  outcome.verdict = incident.kind == "oom_kill" ? "oom_killed" : "interrupted";
  outcome.oom_kills = kill.settlement.processes;
  const auto counts = [](const std::optional<cgroup::MemoryEvents>& events) {
    return events && events->oom_kill.value_or(0) > 0;
  };
  if (kill.settlement.by == By::counters || kill.settlement.by == By::ancestor || counts(kill.group->last.events)) {
    outcome.evidence.emplace_back("memory.events");
  }
  if (kill.logged) {
    outcome.evidence.emplace_back("kernel_log");
  }
  return outcome;
}

void name_owner(const Kill& kill, forensics::Incident& incident) {
  const auto path = cgroup_of(kill);
  if (!kill.container || !path || !incident.cgroup) {
    return;
  }
  if (path->find(kill.container->id) == std::string::npos) {
    return;
  }
  auto owner = forensics::owner_of(*path);
  if (!owner || owner->container_id != kill.container->id) {
    // A cgroup where the path does not tell that it is a container's: docker run --cgroup-parent
    owner = forensics::Owner{.runtime = "docker", .container_id = kill.container->id};
  }
  owner->name = kill.container->name;
  owner->image = kill.container->image;
  owner->service = kill.container->service;
  incident.cgroup->owner = std::move(owner);  // explain() keeps it
}

}  // namespace

std::optional<std::string> cgroup_of(const Kill& kill) {
  if (kill.logged && kill.logged->incident.cgroup) {
    const auto& report = *kill.logged->incident.cgroup;
    if (report.task_memcg || report.oom_memcg) {
      return report.task_memcg ? report.task_memcg : report.oom_memcg;
    }
  }
  return kill.settlement.cgroup;
}

forensics::Postmortem make_document(const Kill& kill) {
  forensics::Postmortem document;
  document.warnings = kill.warnings;
  auto incident = kill.logged ? kill.logged->incident : incident_of_counters(kill);
  incident.time.realtime = kill.realtime;
  if (!incident.kernel.release) {
    incident.kernel.release = kill.kernel;
  }
  if (kill.logged) {
    const auto& records = kill.logged->records;
    document.inputs.push_back({.name = "/dev/kmsg",
                               .carrier = "kmsg",
                               .bytes = records.size(),
                               .lines = static_cast<std::uint64_t>(std::ranges::count(records, '\n'))});
  }
  if (auto why = why_from_counters(kill.settlement); !why.empty()) {
    document.warnings.push_back({.code = kill.logged ? "cgroup_not_in_log" : "kill_without_log_line", .message = why});
  }
  if (kill.logged && kill.logged->lost > 0) {
    document.warnings.push_back(
        {.code = "log_overrun",
         .message = fmt::format("{} records of the kernel log were overwritten before they were "
                                "read, here or since the kill before",
                                kill.logged->lost)});
  }
  complete_from_files(kill, incident, document.warnings);
  name_owner(kill, incident);
  if (kill.group) {
    auto& run = document.run.emplace(run_of(kill));
    if (kill.logged) {
      add_kernel_reading(run.timeline, kill.logged->incident, kill.group->start);
    }
    run.outcome = outcome_of(kill, incident);
  }
  forensics::explain(incident, document.run ? &*document.run : nullptr);
  document.incidents.push_back(std::move(incident));
  return document;
}

}  // namespace cli::watch

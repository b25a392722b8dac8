// A scenario from its groups to its findings: what comes before and after the run itself.
#include <signal.h>

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "cgroup/parse.h"
#include "cli/concerns.h"
#include "cli/kernel_reading.h"
#include "cli/scenario/conductor.h"
#include "cli/scenario/kernel_complaints.h"
#include "cli/scenario/stage.h"
#include "cli/supervisor.h"
#include "forensics/analysis.h"
#include "forensics/episodes.h"

namespace cli::scenario {
namespace {

constexpr std::chrono::seconds kRemoveTimeout{20};

// What the rules want to know of the group whose limit was hit.
forensics::Run run_of(const GroupFinding& group) {
  forensics::Run run;
  for (const auto& [file, value] : group.settings) {
    const auto limit = cgroup::parse_limit(value);
    if (!limit) {
      continue;
    }
    if (file == "memory.max") {
      run.limits.memory_max_bytes = limit->bytes;
    } else if (file == "memory.high") {
      run.limits.memory_high_bytes = limit->bytes;
    } else if (file == "memory.swap.max") {
      run.limits.memory_swap_max_bytes = limit->bytes;
    } else if (file == "memory.oom.group") {
      run.limits.oom_group = limit->bytes == 1;
    }
  }
  const auto counter = [&group](std::string_view name) { return cgroup::find(group.at_end, name); };
  run.memory.peak_bytes = counter("memory.peak");
  run.memory.events = cgroup::MemoryEvents{.low = counter("memory.events:low"),
                                           .high = counter("memory.events:high"),
                                           .max = counter("memory.events:max"),
                                           .oom = counter("memory.events:oom"),
                                           .oom_kill = counter("memory.events:oom_kill"),
                                           .oom_group_kill = counter("memory.events:oom_group_kill"),
                                           .other = {}};
  run.timeline = group.timeline;
  return run;
}

void explain(Findings& findings, std::chrono::steady_clock::time_point begin) {
  for (auto& incident : findings.postmortem.incidents) {
    const auto path = incident.cgroup ? incident.cgroup->oom_memcg : std::nullopt;
    const auto name = path ? findings.group_of(*path) : std::nullopt;
    const auto group = name ? std::ranges::find(findings.groups, *name, &GroupFinding::name) : findings.groups.end();
    if (group == findings.groups.end()) {
      forensics::explain(incident);
      continue;
    }
    if (!group->timeline.empty()) {
      add_kernel_reading(group->timeline, incident, begin);
    }
    const auto run = run_of(*group);
    forensics::explain(incident, &run);
  }
  findings.postmortem.episodes = forensics::find_episodes(findings.postmortem.incidents);
}

// Whose process it was: a task's own, or else a child of the only task in its group.
std::string task_of(const Findings& findings, std::int64_t pid, const std::string& group) {
  const auto own = std::ranges::find(findings.tasks, pid, &TaskFinding::pid);
  if (own != findings.tasks.end()) {
    return own->name;
  }
  std::set<std::string> there;
  for (const auto& task : findings.tasks) {
    if (task.group == group && !group.empty()) {
      there.insert(task.name);
    }
  }
  return there.size() == 1 ? *there.begin() : "";
}

void name_victims(Findings& findings) {
  std::set<std::int64_t> seen;
  for (const auto& incident : findings.postmortem.incidents) {
    for (const auto& victim : incident.victims) {
      if (incident.kind != "oom_kill" || !seen.insert(victim.pid).second) {
        continue;
      }
      const auto path = victim.task_memcg ? victim.task_memcg
                        : incident.cgroup ? incident.cgroup->task_memcg
                                          : std::nullopt;
      const auto group = path ? findings.group_of(*path).value_or("") : "";
      findings.victims.push_back({.pid = victim.pid,
                                  .comm = victim.comm.value_or(""),
                                  .task = task_of(findings, victim.pid, group),
                                  .group = group});
    }
  }
}

// A task ended by SIGKILL was killed by the kernel if its log says so; without a log, if its group counts a kill.
void name_kills(Findings& findings) {
  for (auto& task : findings.tasks) {
    if (task.end != "signaled" || task.signal != SIGKILL) {
      continue;
    }
    const auto* group = findings.find_group(task.group);
    const bool counted = group != nullptr && cgroup::find(group->at_end, "memory.events:oom_kill").value_or(0) > 0;
    const bool logged =
        std::ranges::any_of(findings.victims, [&task](const VictimFinding& victim) { return victim.pid == task.pid; });
    if (logged || (!findings.has_kernel_log && counted)) {
      task.end = "oom_killed";
    }
  }
}

base::Result<> read_log(std::optional<KernelLog>& log, const Tree& tree, const Stage& stage, Findings& findings) {
  findings.has_kernel_log = log.has_value();
  TRY_ASSIGN(findings.postmortem.incidents, read_incidents(log, findings.postmortem));
  const auto top = tree.top().kernel_path();
  std::erase_if(findings.postmortem.incidents, [&top](const auto& incident) { return !concerns(incident, top, -1); });
  if (log && stage.in_guest) {
    findings.kernel_complaints = complaints_in(log->text());
  }
  return {};
}

}  // namespace

base::Result<Findings> conduct(const Scenario& scenario, const Stage& stage) {
  if (!stage.in_guest && scenario.is_for_vm()) {
    return base::fail(
        base::ErrorKind::unsupported,
        fmt::format("{} is for the micro-VM only: it changes, or fills, the whole machine", scenario.name),
        "--backend vm");
  }
  TRY(refuse_to_panic(stage.in_guest));
  TRY_ASSIGN(const auto parent, cgroup::make_ready(stage.delegation));
  TRY(cgroup::sweep(parent));

  Findings findings{.scenario = scenario.name, .kernel = kernel_release().value_or("")};
  auto log = open_kernel_log(findings.postmortem.warnings);
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  TRY_ASSIGN(auto tree, Tree::create(parent, scenario));
  TRY_ASSIGN(const auto guard, cgroup::Guard::start(tree.top()));
  Conductor conductor(scenario, stage, tree, log, std::move(loop));
  TRY(conductor.run(findings));
  TRY(read_log(log, tree, stage, findings));
  explain(findings, conductor.begin());
  name_victims(findings);
  name_kills(findings);
  if (findings.verdict.empty()) {
    findings.verdict = verdict_of(findings);
  }
  for (const auto& task : findings.tasks) {
    if (task.reason && !findings.reason) {
      findings.reason = fmt::format("{}: {}", task.name, *task.reason);
    }
  }
  if (auto removed = tree.top().remove(kRemoveTimeout); !removed) {
    findings.postmortem.warnings.push_back({.code = "cgroup_left", .message = removed.error().message});
  }
  return findings;
}

}  // namespace cli::scenario

#include "cli/scenario/findings.h"

#include <algorithm>

namespace cli::scenario {

const GroupFinding* Findings::find_group(std::string_view name) const {
  const auto found = std::ranges::find(groups, name, &GroupFinding::name);
  return found == groups.end() ? nullptr : &*found;
}

const MarkFinding* Findings::find_mark(std::string_view name) const {
  const auto found = std::ranges::find(marks, name, &MarkFinding::name);
  return found == marks.end() ? nullptr : &*found;
}

const forensics::Incident* Findings::first_report() const {
  const auto found = std::ranges::find_if(postmortem.incidents, [](const auto& incident) {
    return incident.kind == "oom_kill" || incident.kind == "no_victim" || incident.kind == "panic";
  });
  return found == postmortem.incidents.end() ? nullptr : &*found;
}

std::optional<std::string> Findings::group_of(std::string_view kernel_path) const {
  // The log has paths from the real root, we may see less of them: the scenario's own folder has a random name, so the
  // end decides.
  for (const auto& group : groups) {
    if (!group.kernel_path.empty() && kernel_path.ends_with(group.kernel_path)) {
      return group.name;
    }
  }
  return std::nullopt;
}

std::string verdict_of(const Findings& findings) {
  const auto any = [&findings](std::string_view end) {
    return std::ranges::find(findings.tasks, end, &TaskFinding::end) != findings.tasks.end();
  };
  const auto has_failed = [](const TaskFinding& task) {
    return (task.end == "exited" && task.exit_code != 0) || task.end == "signaled";
  };
  if (std::ranges::any_of(findings.tasks, [](const auto& task) { return task.reason.has_value(); })) {
    return "not_started";
  }
  if (!findings.victims.empty() || any("oom_killed")) {
    return "oom_killed";
  }
  return std::ranges::any_of(findings.tasks, has_failed) ? "failed" : "completed";
}

}  // namespace cli::scenario

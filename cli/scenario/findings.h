#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cgroup/model.h"
#include "forensics/document.h"

// What a run of a scenario has found: everything that expectations are held against, and nothing that depends on them,
// so that kept findings can be judged again.
namespace cli::scenario {

struct TaskFinding {
  std::string name;
  unsigned copy = 1;  // of several alike, from 1
  std::string group;
  std::optional<std::int64_t> pid;
  std::optional<double> started_s, ended_s;
  std::optional<int> exit_code, signal;
  // exited | signaled | oom_killed | stopped (by the scenario) | running (until the end) | not_started
  std::string end = "not_started";
  std::optional<std::string> reason;  // why it could not be started
  std::vector<forensics::Observation> observations;
};

struct GroupFinding {
  std::string name;                                           // "pod/a"
  std::string kernel_path;                                    // as the kernel's log has it
  std::vector<std::pair<std::string, std::string>> settings;  // as read back
  cgroup::Counters at_end;                                    // "memory.stat:anon", before what was left was killed
  cgroup::Counters highest;              // of the counters that the scenario watches, and memory.current
  std::vector<cgroup::Sample> timeline;  // of groups with limits
};

struct MarkFinding {
  std::string name;
  std::optional<double> t_s;  // nothing: it did not come
  std::vector<std::pair<std::string, cgroup::Counters>> groups;
};

struct ActionFinding {
  std::string name;
  std::optional<double> t_s;
  std::string result = "not done";  // "ok", or the name of the error: "EAGAIN"
};

// A process that the kernel killed for want of memory.
struct VictimFinding {
  std::int64_t pid = 0;
  std::string comm;
  std::string task;   // whose it was; empty when that is not known
  std::string group;  // where it was; empty when that is not known
};

struct Findings {
  std::string scenario;
  std::string backend = "host";  // host | vm
  std::string kernel;            // uname -r
  // oom_killed | completed | failed | timed_out | interrupted | not_started | panicked | hung; or it did not run:
  // skipped (this machine or kernel cannot) | error
  std::string verdict = "not_started";
  std::optional<std::string> reason;  // one sentence, where the verdict needs it
  double duration_s = 0;
  std::optional<double> first_kill_s;
  std::vector<TaskFinding> tasks;
  std::vector<GroupFinding> groups;
  std::vector<MarkFinding> marks;
  std::vector<ActionFinding> actions;
  std::vector<VictimFinding> victims;          // in the order of their kills, each once
  std::vector<std::string> kernel_complaints;  // BUG, WARNING and their kin in the kernel's log
  bool has_kernel_log = true;
  forensics::Postmortem postmortem;  // run is nothing: there are several tasks

  [[nodiscard]] const GroupFinding* find_group(std::string_view name) const;
  [[nodiscard]] const MarkFinding* find_mark(std::string_view name) const;
  // The first report of a kill, of no process to kill, or of a panic; nullptr without one.
  [[nodiscard]] const forensics::Incident* first_report() const;
  // The group of this name in the kernel's log; nothing for one that is not the scenario's.
  [[nodiscard]] std::optional<std::string> group_of(std::string_view kernel_path) const;
};

// The verdict that follows from the rest, for a run that went to its end.
std::string verdict_of(const Findings& findings);

// As one JSON object, and back. The error names the member.
std::string findings_to_json(const Findings& findings);
base::Result<Findings> findings_from_json(std::string_view text);

}  // namespace cli::scenario

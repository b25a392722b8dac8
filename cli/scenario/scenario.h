#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/scenario/condition.h"

// Several tasks in several cgroups, an order, and what is expected of it: the format of docs/scenarios.md as values.
namespace cli::scenario {

struct Findings;

// What the machine must be. Any but `files` makes it a scenario for the micro-VM only, which provides them.
struct Needs {
  bool vm = false;
  std::optional<std::uint64_t> memory_bytes, swap_bytes, disk_bytes;
  std::vector<std::pair<std::string, std::string>> sysctls;
  std::vector<std::string> files;  // control files: without one of them the scenario is skipped
};

// A control file and what is written to it, as the kernel would print it (bytes, "max", "1").
struct Setting {
  std::string file, value;
  bool operator==(const Setting&) const = default;
};

struct GroupSpec {
  std::string path;  // below the scenario's own group: "pod/a"
  std::vector<Setting> settings;
};

struct SignalSpec {
  int signal = 0;
  Condition when;
};

// A resource limit of the task (setrlimit(2)), soft and hard.
struct ResourceLimit {
  int resource = 0;
  std::uint64_t value = 0;
};

struct TaskSpec {
  std::string name, group;
  std::string workload;  // a built-in one, with its parameters; or
  std::map<std::string, std::string> parameters;
  std::vector<std::string> command;
  unsigned count = 1;  // that many alike
  std::optional<int> oom_score_adj;
  std::vector<ResourceLimit> resource_limits;
  Condition start;
  std::optional<Condition> stop;  // then SIGKILL
  std::vector<SignalSpec> signals;
};

// Something done to the groups: a control file written, or a task moved.
struct ActionSpec {
  std::string name, group;
  Setting setting;   // file and value; or
  std::string task;  // whose processes go to `group`
  Condition when;
};

// A moment at which all counters of all groups are read.
struct MarkSpec {
  std::string name;
  Condition when;
};

// A counter whose highest level is of interest.
struct Watched {
  std::string group;
  Counter counter;
};

// What a check has seen.
struct Seen {
  bool met = false;
  std::string words;
  bool known = true;  // false: there was nothing to see, so that the opposite is not met either
};

// One expectation, ready to be held against what was found.
struct Check {
  std::string path;      // in the file: "expect.groups.pod.memory.events:oom"
  std::string expected;  // in words
  std::function<Seen(const Findings&)> look;
};

struct Scenario {
  std::string name, about, teaches;
  Needs needs;
  std::vector<GroupSpec> groups;  // parents before their children
  std::vector<TaskSpec> tasks;
  std::vector<ActionSpec> actions;
  std::vector<MarkSpec> marks;
  Condition end;
  std::chrono::nanoseconds timeout{0};
  std::vector<Check> checks;
  std::vector<Watched> watched;
  bool expects_verdict = false;  // one of the checks is about the verdict
  std::string definition;        // the file's JSON on one line, without comments

  [[nodiscard]] const TaskSpec* find_task(std::string_view task) const;
  [[nodiscard]] const GroupSpec* find_group(std::string_view path) const;
  // Whether only the micro-VM can do it.
  [[nodiscard]] bool is_for_vm() const;
};

// Reads a scenario from the text of a file, JSON in which comments are allowed. `shown` names the file in messages:
// "FILE:12: tasks[0].start.group: 'pdo' is not a group of this scenario". Errors are of kind usage.
base::Result<Scenario> read_scenario(std::string_view text, std::string_view shown);

}  // namespace cli::scenario

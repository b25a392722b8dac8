#include <sys/resource.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/exit_status.h"
#include "cli/scenario/read.h"
#include "stress/workload.h"

namespace cli::scenario {
namespace {

constexpr unsigned kMostTasks = 256;  // with their copies
constexpr std::uint64_t kDiskBytes = 1ULL << 30;

constexpr std::array<std::pair<std::string_view, int>, 9> kResources{{{"as", RLIMIT_AS},
                                                                      {"core", RLIMIT_CORE},
                                                                      {"cpu", RLIMIT_CPU},
                                                                      {"data", RLIMIT_DATA},
                                                                      {"fsize", RLIMIT_FSIZE},
                                                                      {"memlock", RLIMIT_MEMLOCK},
                                                                      {"nofile", RLIMIT_NOFILE},
                                                                      {"nproc", RLIMIT_NPROC},
                                                                      {"stack", RLIMIT_STACK}}};

base::Result<int> read_signal(const Node& node) {
  constexpr int kLast = 31;
  if (node.is_number()) {
    TRY_ASSIGN(const auto number, node.whole(1, kLast));
    return static_cast<int>(number);
  }
  TRY_ASSIGN(const auto name, node.text());
  std::vector<std::string> known;
  for (int signal = 1; signal <= kLast; ++signal) {
    known.push_back(base::signal_name(signal));
    if (known.back() == name || known.back() == "SIG" + name) {
      return signal;
    }
  }
  return node.unknown("a signal", name, known);
}

template <typename Table>
std::vector<std::string> names_of(const Table& table) {
  std::vector<std::string> names;
  for (const auto& row : table) {
    names.emplace_back(row.name);
  }
  return names;
}

// {"size": "64M", "hold": "forever"}
base::Result<> read_parameters(const Node& node, const stress::Workload& workload, TaskSpec& task) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, value] : members) {
    TRY_ASSIGN(const auto text, value.scalar());
    if (std::ranges::find(workload.parameters, name, &stress::Parameter::name) == workload.parameters.end()) {
      return value.unknown(fmt::format("a parameter of {}", task.workload), name, names_of(workload.parameters));
    }
    if (const auto checked = stress::Parameters::check(workload.parameters, {{name, text}}); !checked) {
      return value.fail(checked.error());
    }
    task.parameters[name] = text;
  }
  return {};
}

// What the workload needs and a scenario can have without being asked: a disk.
base::Result<> read_workload(const Node& node, const Node& name, TaskSpec& task, Needs& needs) {
  TRY_ASSIGN(task.workload, name.text());
  const auto table = stress::all_workloads();
  const auto* workload = base::find_descriptor(table, task.workload);
  if (workload == nullptr) {
    return name.unknown("a workload", task.workload, names_of(table));
  }
  if (const auto parameters = node.find("with")) {
    TRY(read_parameters(*parameters, *workload->value, task));
  }
  const auto checked = stress::Parameters::check((*workload)->parameters, task.parameters);
  if (!checked) {
    return node.fail(checked.error());
  }
  const auto* real = (*workload)->stands_for == nullptr ? workload : (*workload)->stands_for(*checked);
  const auto needed = [real](stress::Need need) {
    return std::ranges::find((*real)->needed, need) != (*real)->needed.end();
  };
  if (needed(stress::Need::disk) && !needs.disk_bytes) {
    needs.disk_bytes = kDiskBytes;
  }
  needs.vm = needs.vm || needed(stress::Need::guest);
  if (needed(stress::Need::swap) && !needs.swap_bytes) {
    return name.fail(fmt::format("{} needs swap", task.workload), R"("needs": {"swap": "64M"})");
  }
  return {};
}

base::Result<> read_what(const Node& node, TaskSpec& task, Needs& needs) {
  const auto workload = node.find("workload");
  const auto command = node.find("command");
  if (workload.has_value() == command.has_value()) {
    return node.fail("expected either 'workload' or 'command'");
  }
  if (workload) {
    return read_workload(node, *workload, task, needs);
  }
  if (node.find("with")) {
    return node.find("with")->fail("parameters are a workload's; a command has arguments");
  }
  if (!command->is_list()) {
    return command->fail("expected a list: the command and its arguments",
                         R"(["sleep", "1"], or ["sh", "-c", "..."] for the words of a shell)");
  }
  TRY_ASSIGN(task.command, command->texts());
  return {};
}

base::Result<> read_resource_limits(const Node& node, TaskSpec& task) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, value] : members) {
    const auto found = std::ranges::find(kResources, name, [](const auto& row) { return row.first; });
    if (found == kResources.end()) {
      std::vector<std::string> known;
      known.reserve(std::size(kResources));
      for (const auto& row : kResources) {
        known.emplace_back(row.first);
      }
      return value.unknown("a resource limit", name, known);
    }
    ResourceLimit limit{.resource = found->second, .value = RLIM_INFINITY};
    if (!value.is("unlimited")) {
      TRY_ASSIGN(limit.value, value.size());
    }
    task.resource_limits.push_back(limit);
  }
  return {};
}

// Processes cannot be where there are groups below (the rule of no internal processes).
base::Result<> read_place(const Node& node, const Scenario& scenario, TaskSpec& task) {
  if (const auto group = node.find("group")) {
    TRY_ASSIGN(task.group, read_group_name(*group, scenario));
  } else if (scenario.groups.size() == 1) {
    task.group = scenario.groups.front().path;
  } else {
    return node.fail("'group' is missing: there are several");
  }
  for (const auto& other : scenario.groups) {
    if (other.path.starts_with(task.group + "/")) {
      return node.fail(fmt::format("the group {} has groups below: a task must be in one without", task.group),
                       fmt::format("{}, or a group of its own below {}", other.path, task.group));
    }
  }
  return {};
}

base::Result<> read_task(const Node& node, Scenario& scenario) {
  TRY(node.only({"name", "group", "workload", "with", "command", "count", "oom_score_adj", "resources", "start", "stop",
                 "signals"}));
  TaskSpec task;
  TRY_ASSIGN(const auto name, node.need("name"));
  TRY_ASSIGN(task.name, name.text());
  if (!is_name(task.name) || scenario.find_task(task.name) != nullptr) {
    return name.fail("expected a name of its own: letters, digits, '-', '_', '.' and blanks");
  }
  TRY(read_place(node, scenario, task));
  TRY(read_what(node, task, scenario.needs));
  if (const auto count = node.find("count")) {
    TRY_ASSIGN(const auto number, count->whole(1, kMostTasks));
    task.count = static_cast<unsigned>(number);
  }
  if (const auto score = node.find("oom_score_adj")) {
    TRY_ASSIGN(const auto number, score->whole(-1000, 1000));
    task.oom_score_adj = static_cast<int>(number);
  }
  if (const auto resources = node.find("resources")) {
    TRY(read_resource_limits(*resources, task));
  }
  scenario.tasks.push_back(std::move(task));
  return {};
}

// Whether it cannot come true before that task has started.
bool waits_for(const Condition& condition, const std::string& task) {
  using Kind = Condition::Kind;
  switch (condition.kind) {
    case Kind::started:
    case Kind::exited:
    case Kind::noted:
      return condition.task == task;
    case Kind::all_exited:
      return true;
    case Kind::all:
      return std::ranges::any_of(condition.parts, [&task](const auto& part) { return waits_for(part, task); });
    case Kind::any:
      return std::ranges::all_of(condition.parts, [&task](const auto& part) { return waits_for(part, task); });
    default:
      return false;
  }
}

base::Result<> read_conditions(const Node& node, const Scenario& scenario, TaskSpec& task) {
  if (const auto start = node.find("start")) {
    TRY_ASSIGN(task.start, read_condition(*start, scenario));
    if (waits_for(task.start, task.name)) {
      return start->fail(fmt::format("{} would wait for itself", task.name), "name another task, or a level");
    }
  }
  if (const auto stop = node.find("stop")) {
    TRY_ASSIGN(task.stop, read_condition(*stop, scenario));
  }
  const auto signals = node.find("signals");
  if (!signals) {
    return {};
  }
  TRY_ASSIGN(const auto elements, signals->elements());
  for (const auto& element : elements) {
    TRY(element.only({"send", "when"}));
    SignalSpec signal;
    TRY_ASSIGN(const auto send, element.need("send"));
    TRY_ASSIGN(signal.signal, read_signal(send));
    TRY_ASSIGN(const auto when, element.need("when"));
    TRY_ASSIGN(signal.when, read_condition(when, scenario));
    task.signals.push_back(std::move(signal));
  }
  return {};
}

}  // namespace

base::Result<> read_tasks(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto elements, node.elements());
  unsigned total = 0;
  for (const auto& element : elements) {
    TRY(read_task(element, scenario));
    total += scenario.tasks.back().count;
  }
  if (total == 0 || total > kMostTasks) {
    return node.fail(fmt::format("expected 1 to {} tasks with their copies, got {}", kMostTasks, total));
  }
  return {};
}

base::Result<> read_task_conditions(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto elements, node.elements());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    TRY(read_conditions(elements[i], scenario, scenario.tasks[i]));
  }
  return {};
}

std::vector<std::string> task_names(const Scenario& scenario) {
  std::vector<std::string> names;
  names.reserve(scenario.tasks.size());
  for (const auto& task : scenario.tasks) {
    names.push_back(task.name);
  }
  return names;
}

base::Result<std::string> read_task_name(const Node& node, const Scenario& scenario) {
  TRY_ASSIGN(auto name, node.text());
  if (scenario.find_task(name) == nullptr) {
    return node.unknown("a task of this scenario", name, task_names(scenario));
  }
  return name;
}

}  // namespace cli::scenario

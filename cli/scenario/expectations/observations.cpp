// What workloads have seen of themselves: {"task": {"STEP": {"NAME": RANGE}}}; of several copies the first.
#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

std::optional<double> value_of(const Findings& found, const std::string& task, const std::string& step,
                               const std::string& name) {
  const auto row = std::ranges::find(found.tasks, task, &TaskFinding::name);
  if (row == found.tasks.end()) {
    return std::nullopt;
  }
  for (const auto& seen : row->observations) {
    if (seen.step == step && seen.name == name) {
      return seen.value;
    }
  }
  return std::nullopt;
}

base::Result<> read_step(const Node& node, const std::string& task, const std::string& step, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    TRY(expect_number(member, scenario, Unit::bytes, "",
                      [task, step, name](const Findings& found) { return value_of(found, task, step, name); }));
  }
  return {};
}

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [task, steps] : members) {
    if (scenario.find_task(task) == nullptr) {
      return steps.unknown("a task of this scenario", task, task_names(scenario));
    }
    TRY_ASSIGN(const auto rows, steps.members());
    for (const auto& [step, row] : rows) {
      TRY(read_step(row, task, step, scenario));
    }
  }
  return {};
}

}  // namespace

extern const Expectation observations;
constinit const Expectation observations{
    .summary = R"(what workloads have seen of themselves: {"task": {"STEP": {"NAME": 1010}}})",
    .read = read,
};

}  // namespace cli::scenario::expectations

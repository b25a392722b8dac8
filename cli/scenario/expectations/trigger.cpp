// Who asked for the memory that was not there; often not who is killed.
#include <algorithm>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

std::optional<std::string> trigger_of(const Findings& found) {
  const auto* report = found.first_report();
  if (report == nullptr || !report->trigger.pid) {
    return std::nullopt;
  }
  const auto task = std::ranges::find(found.tasks, report->trigger.pid, &TaskFinding::pid);
  return task == found.tasks.end() ? report->trigger.comm : std::optional(task->name);
}

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, task_names(scenario), trigger_of);
}

}  // namespace

extern const Expectation trigger;
constinit const Expectation trigger{
    .summary = "the task that asked for the memory that was not there; one or a list",
    .read = read,
};

}  // namespace cli::scenario::expectations

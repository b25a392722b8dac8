#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, task_names(scenario), [](const Findings& found) -> std::optional<std::string> {
    if (found.victims.empty() || found.victims.front().task.empty()) {
      return std::nullopt;
    }
    return found.victims.front().task;
  });
}

}  // namespace

extern const Expectation first_victim;
constinit const Expectation first_victim{
    .summary = "the task whose process was killed first; one or a list",
    .read = read,
};

}  // namespace cli::scenario::expectations

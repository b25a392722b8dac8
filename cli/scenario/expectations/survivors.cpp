// Tasks that the kernel did not kill: they ended by themselves, or were still there.
#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

Seen look(const Findings& found, const std::string& name) {
  std::size_t total = 0;
  std::size_t killed = 0;
  for (const auto& task : found.tasks) {
    if (task.name == name) {
      ++total;
      killed += task.end == "oom_killed" ? 1U : 0U;
      if (task.end == "not_started") {
        return {.words = "not started"};
      }
    }
  }
  return {.met = killed == 0 && total > 0,
          .words = killed == 0 ? "not killed" : fmt::format("{} of {} killed", killed, total),
          .known = total > 0};
}

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto elements, node.elements());
  if (elements.empty()) {
    return node.fail("the list is empty");
  }
  for (const auto& element : elements) {
    TRY_ASSIGN(auto name, read_task_name(element, scenario));
    auto expected = fmt::format("{} is not killed", name);
    add_check(scenario, element, std::move(expected),
              [name = std::move(name)](const Findings& found) { return look(found, name); });
  }
  return {};
}

}  // namespace

extern const Expectation survivors;
constinit const Expectation survivors{
    .summary = "tasks that ran and that the kernel did not kill",
    .read = read,
};

}  // namespace cli::scenario::expectations

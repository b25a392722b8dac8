// What came of the scenario's actions: "ok", or the kernel's error by its name.
#include <algorithm>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  std::vector<std::string> known;
  known.reserve(scenario.actions.size());
  for (const auto& action : scenario.actions) {
    known.push_back(action.name);
  }
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    if (std::ranges::find(known, name) == known.end()) {
      return member.unknown("an action of this scenario", name, known);
    }
    TRY(expect_word(member, scenario, {}, [name](const Findings& found) -> std::optional<std::string> {
      const auto action = std::ranges::find(found.actions, name, &ActionFinding::name);
      return action == found.actions.end() ? std::nullopt : std::optional(action->result);
    }));
  }
  return {};
}

}  // namespace

extern const Expectation actions;
constinit const Expectation actions{
    .summary = R"(what came of the actions: {"action": "ok"}, or an error's name ("EAGAIN"))",
    .read = read,
};

}  // namespace cli::scenario::expectations

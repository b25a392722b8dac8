// Counters of groups at the end, and the highest levels that were seen of them.
#include <fmt/format.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

constexpr const char* kHighest = "highest";

base::Result<> read_highest(const Node& node, const std::string& name, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [text, member] : members) {
    TRY_ASSIGN(auto counter, read_counter(member, text));
    if (counter.terms.size() != 1) {
      return member.fail("the highest of a sum is not known: name one counter");
    }
    scenario.watched.push_back({.group = name, .counter = std::move(counter)});
  }
  return expect_counters(node, scenario, {}, [name](const Findings& found) {
    const auto* group = found.find_group(name);
    return group == nullptr ? nullptr : &group->highest;
  });
}

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    if (scenario.find_group(name) == nullptr) {
      return member.unknown("a group of this scenario", name, group_names(scenario));
    }
    TRY(expect_counters(member, scenario, {kHighest}, [name](const Findings& found) {
      const auto* group = found.find_group(name);
      return group == nullptr ? nullptr : &group->at_end;
    }));
    if (const auto highest = member.find(kHighest)) {
      TRY(read_highest(*highest, name, scenario));
    }
  }
  return {};
}

}  // namespace

extern const Expectation groups;
constinit const Expectation groups{
    .summary =
        R"(counters of groups at the end, {"a": {"memory.events:oom_kill": 1}}, and under "highest" their highest)",
    .read = read,
};

}  // namespace cli::scenario::expectations

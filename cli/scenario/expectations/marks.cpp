// Counters of groups at a mark, and that the mark came at all.
#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

const cgroup::Counters* counters_at(const Findings& found, const std::string& mark, const std::string& group) {
  const auto* at = found.find_mark(mark);
  if (at == nullptr || !at->t_s) {
    return nullptr;
  }
  const auto row = std::ranges::find(at->groups, group, [](const auto& each) { return each.first; });
  return row == at->groups.end() ? nullptr : &row->second;
}

base::Result<> read_mark(const Node& node, const std::string& mark, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  if (members.empty()) {
    add_check(scenario, node, "it comes", [mark](const Findings& found) -> Seen {
      const auto* at = found.find_mark(mark);
      const bool came = at != nullptr && at->t_s.has_value();
      return {.met = came, .words = came ? fmt::format("it came after {:.2f} s", *at->t_s) : "it did not come"};
    });
  }
  for (const auto& [name, member] : members) {
    if (scenario.find_group(name) == nullptr) {
      return member.unknown("a group of this scenario", name, group_names(scenario));
    }
    TRY(expect_counters(member, scenario, {},
                        [mark, name](const Findings& found) { return counters_at(found, mark, name); }));
  }
  return {};
}

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  std::vector<std::string> known;
  known.reserve(scenario.marks.size());
  for (const auto& mark : scenario.marks) {
    known.push_back(mark.name);
  }
  for (const auto& [name, member] : members) {
    if (std::ranges::find(known, name) == known.end()) {
      return member.unknown("a mark of this scenario", name, known);
    }
    TRY(read_mark(member, name, scenario));
  }
  return {};
}

}  // namespace

extern const Expectation marks;
constinit const Expectation marks{
    .summary = R"(counters of groups at a mark: {"mark": {"a": {"memory.current": {...}}}}; {} for one that must come)",
    .read = read,
};

}  // namespace cli::scenario::expectations

#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario {
namespace {

constexpr std::string_view kNot = "not";

base::Result<> read_all(const Node& node, Scenario& scenario, bool may_negate) {
  auto names = expectation_names();
  if (may_negate) {
    names.emplace_back(kNot);
  }
  TRY(node.only(names));
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    if (const auto* expectation = find_expectation(name)) {
      TRY(expectation->read(member, scenario));
    }
  }
  return {};
}

// The opposite of a check: what must not be. Where there was nothing to see it is not met either.
void negate(Check& check) {
  check.expected = fmt::format("not {}", check.expected);
  check.look = [look = std::move(check.look)](const Findings& found) {
    auto seen = look(found);
    seen.met = seen.known && !seen.met;
    return seen;
  };
}

}  // namespace

base::Result<> read_expectations(const Node& node, Scenario& scenario) {
  TRY(read_all(node, scenario, true));
  scenario.expects_verdict = node.find("verdict").has_value();
  if (const auto negated = node.find(kNot)) {
    const auto before = static_cast<std::ptrdiff_t>(scenario.checks.size());
    TRY(read_all(*negated, scenario, false));
    std::for_each(scenario.checks.begin() + before, scenario.checks.end(), negate);
  }
  return scenario.checks.empty() ? node.fail("nothing is expected") : base::Result<>{};
}

}  // namespace cli::scenario

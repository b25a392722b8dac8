#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/node.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// A kind of expectation, a member of "expect": one file under expectations/, which is named as the member is.
struct Expectation {
  std::string_view summary;  // one sentence for the help
  // Turns the member into checks of the scenario; refuses what it does not understand.
  base::Result<> (*read)(const Node& node, Scenario& scenario);
};

std::span<const base::Descriptor<Expectation>> all_expectations();

// The kinds by their names in the file: a descriptor's dashes are underscores there.
std::vector<std::string> expectation_names();
const Expectation* find_expectation(std::string_view name);

// Parts that several kinds are made of.

// A check of what stands at node.
void add_check(Scenario& scenario, const Node& node, std::string expected, std::function<Seen(const Findings&)> look);

// What a kind looks at: a word, or nothing when there is none, which is never met.
using Word = std::function<std::optional<std::string>(const Findings&)>;

// The word is one of those at node (a text or a list). known: all that there are, empty for any.
base::Result<> expect_word(const Node& node, Scenario& scenario, const std::vector<std::string>& known, Word word);

// The number is in the range at node; nothing of it says why not.
using Number = std::function<std::optional<double>(const Findings&)>;
base::Result<> expect_number(const Node& node, Scenario& scenario, Unit unit, std::string_view what, Number number);

// Counters of one group, as an object of counters and ranges, looked up in what `values` gives.
using Values = std::function<const cgroup::Counters*(const Findings&)>;
base::Result<> expect_counters(const Node& node, Scenario& scenario, const std::vector<std::string>& besides,
                               const Values& values);

// "a, b and c"; "nothing" when there are none.
std::string enumerate(const std::vector<std::string>& words);

}  // namespace cli::scenario

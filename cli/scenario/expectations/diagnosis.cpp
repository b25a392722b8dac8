#include <algorithm>

#include "cli/scenario/expectation.h"
#include "forensics/rule.h"

namespace cli::scenario::expectations {
namespace {

// A rule's findings have its name as their code.
std::vector<std::string> codes() {
  std::vector<std::string> names;
  for (const auto& rule : forensics::all_rules()) {
    names.emplace_back(rule.name);
    std::ranges::replace(names.back(), '-', '_');
  }
  return names;
}

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, codes(), [](const Findings& found) -> std::optional<std::string> {
    const auto* report = found.first_report();
    if (report == nullptr || report->diagnosis.empty()) {
      return std::nullopt;
    }
    return report->diagnosis.front().code;
  });
}

}  // namespace

extern const Expectation diagnosis;
constinit const Expectation diagnosis{
    .summary = "the code of the first finding of the first report's diagnosis",
    .read = read,
};

}  // namespace cli::scenario::expectations

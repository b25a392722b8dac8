#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, {"oom_kill", "no_victim", "panic"},
                     [](const Findings& found) -> std::optional<std::string> {
                       const auto* report = found.first_report();
                       return report == nullptr ? std::nullopt : std::optional(report->kind);
                     });
}

}  // namespace

extern const Expectation kind;
constinit const Expectation kind{
    .summary = "what the kernel's first report is of: oom_kill, no_victim, panic",
    .read = read,
};

}  // namespace cli::scenario::expectations

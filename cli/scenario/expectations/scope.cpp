#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, {"memcg", "global", "cpuset", "mempolicy"},
                     [](const Findings& found) -> std::optional<std::string> {
                       const auto* report = found.first_report();
                       return report == nullptr ? std::nullopt : std::optional(report->scope);
                     });
}

}  // namespace

extern const Expectation scope;
constinit const Expectation scope{
    .summary = "whose memory was short in the first report: memcg, global, cpuset, mempolicy",
    .read = read,
};

}  // namespace cli::scenario::expectations

#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_number(node, scenario, Unit::time, "",
                       [](const Findings& found) -> std::optional<double> { return found.duration_s * 1e6; });
}

}  // namespace

extern const Expectation duration;
constinit const Expectation duration{
    .summary = "from the begin to the end",
    .read = read,
};

}  // namespace cli::scenario::expectations

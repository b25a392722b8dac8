#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_number(node, scenario, Unit::time, "", [](const Findings& found) -> std::optional<double> {
    return found.first_kill_s ? std::optional(*found.first_kill_s * 1e6) : std::nullopt;
  });
}

}  // namespace

extern const Expectation time_to_kill;
constinit const Expectation time_to_kill{
    .summary = "from the begin to the first kill",
    .read = read,
};

}  // namespace cli::scenario::expectations

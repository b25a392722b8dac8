#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(
      node, scenario,
      {"completed", "failed", "oom_killed", "timed_out", "panicked", "hung", "interrupted", "not_started"},
      [](const Findings& found) { return found.verdict; });
}

}  // namespace

extern const Expectation verdict;
constinit const Expectation verdict{
    .summary = "how it ended: completed, failed (a task did), oom_killed, timed_out, panicked; one or a list",
    .read = read,
};

}  // namespace cli::scenario::expectations

#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const bool wanted, node.truth());
  add_check(scenario, node, wanted ? "the choice is explained" : "the choice is not explained",
            [wanted](const Findings& found) -> Seen {
              const auto* report = found.first_report();
              if (report == nullptr || !report->analysis.victim_explained) {
                return {.words = "nothing", .known = false};
              }
              const bool explained = *report->analysis.victim_explained;
              return {.met = explained == wanted, .words = explained ? "explained" : "not explained"};
            });
  return {};
}

}  // namespace

extern const Expectation victim_explained;
constinit const Expectation victim_explained{
    .summary = "whether the recomputed scores explain the kernel's choice: true or false",
    .read = read,
};

}  // namespace cli::scenario::expectations

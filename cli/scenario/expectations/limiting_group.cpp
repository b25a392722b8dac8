// Whose limit was hit: a group of the scenario, or the machine.
#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

constexpr const char* kMachine = "machine";

std::optional<std::string> limiting_group_of(const Findings& found) {
  const auto* report = found.first_report();
  if (report == nullptr) {
    return std::nullopt;
  }
  if (report->scope != "memcg") {
    return kMachine;
  }
  if (!report->cgroup || !report->cgroup->oom_memcg) {
    return std::nullopt;
  }
  return found.group_of(*report->cgroup->oom_memcg).value_or(*report->cgroup->oom_memcg);
}

base::Result<> read(const Node& node, Scenario& scenario) {
  auto known = group_names(scenario);
  known.emplace_back(kMachine);
  return expect_word(node, scenario, known, limiting_group_of);
}

}  // namespace

extern const Expectation limiting_group;
constinit const Expectation limiting_group{
    .summary = "the group whose limit was hit in the first report, or \"machine\"",
    .read = read,
};

}  // namespace cli::scenario::expectations

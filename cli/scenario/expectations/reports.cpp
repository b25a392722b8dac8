#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

std::optional<double> count(const Findings& found) {
  if (!found.has_kernel_log) {
    return std::nullopt;
  }
  std::uint64_t reports = 0;
  for (const auto& incident : found.postmortem.incidents) {
    reports +=
        incident.kind == "oom_kill" || incident.kind == "no_victim" || incident.kind == "panic" ? incident.repeats : 0;
  }
  return static_cast<double>(reports);
}

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_number(node, scenario, Unit::count, "", count);
}

}  // namespace

extern const Expectation reports;
constinit const Expectation reports{
    .summary = "how many reports the kernel has printed",
    .read = read,
};

}  // namespace cli::scenario::expectations

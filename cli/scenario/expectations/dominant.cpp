#include <algorithm>

#include "cli/scenario/expectation.h"

namespace cli::scenario::expectations {
namespace {

std::optional<std::string> dominant_of(const Findings& found) {
  const auto* report = found.first_report();
  if (report == nullptr) {
    return std::nullopt;
  }
  if (report->analysis.dominant) {
    return report->analysis.dominant->part;
  }
  const auto& parts = report->analysis.breakdown;
  const auto largest = std::ranges::max_element(parts, {}, &forensics::Part::bytes);
  return largest == parts.end() ? std::nullopt : std::optional(largest->part);
}

base::Result<> read(const Node& node, Scenario& scenario) {
  return expect_word(node, scenario, {}, dominant_of);
}

}  // namespace

extern const Expectation dominant;
constinit const Expectation dominant{
    .summary = "the largest part of the memory in the first report: anon, shmem, file, slab_unreclaimable, ...",
    .read = read,
};

}  // namespace cli::scenario::expectations

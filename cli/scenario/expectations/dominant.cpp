#include <algorithm>

#include "cli/nearest.h"
#include "cli/scenario/expectation.h"
#include "forensics/composition.h"

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

// What a kernel prints may be new; what is nearly a known part is a slip.
base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto words, node.texts());
  const auto known = forensics::part_names();
  for (const auto& word : words) {
    if (std::ranges::find(known, word) == known.end() && !nearest(word, known).empty()) {
      return node.unknown("a part of memory", word, known);
    }
  }
  return expect_word(node, scenario, {}, dominant_of);
}

}  // namespace

extern const Expectation dominant;
constinit const Expectation dominant{
    .summary = "the largest part of the memory in the first report: anon, shmem, file, slab_unreclaimable, ...",
    .read = read,
};

}  // namespace cli::scenario::expectations

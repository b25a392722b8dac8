#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/timeline.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kJump = 0.5;

std::optional<Diagnosis> apply(const Incident&, const Run* run) {
  const auto grown = run == nullptr ? std::nullopt : growth(run->timeline);
  if (!grown || grown->last_tenth_share < kJump) {
    return std::nullopt;
  }
  Diagnosis found{.code = "spike", .title = "Most of the memory came in one jump at the end", .confidence = 0.55};
  const auto jump = static_cast<std::uint64_t>(grown->last_tenth_share * static_cast<double>(grown->highest_bytes));
  found.evidence.push_back(fmt::format("{} of {} were added in the last tenth of {}", human_size(jump),
                                       human_size(grown->highest_bytes), base::human_duration(grown->duration_s)));
  found.advice.emplace_back(
      "Look for one large request: a file read whole, a response or query without paging, a buffer sized by its "
      "input.");
  found.advice.emplace_back(
      "Averages over time hide this: monitoring that samples every 15 s or more may never have seen the peak.");
  return found;
}

Example example() {
  std::vector<std::uint64_t> memory(31, 4 << 20);
  memory.push_back(64 << 20);
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = run_example(memory)};
}

}  // namespace

constinit extern const Rule spike{
    .summary = "most of the memory came in one jump at the end",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

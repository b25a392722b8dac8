#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/timeline.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kStraight = 0.95;
constexpr double kGrewBy = 0.3;  // of the highest value
constexpr double kNoJump = 0.3;

std::optional<Diagnosis> apply(const Incident&, const Run* run) {
  const auto grown = run == nullptr ? std::nullopt : growth(run->timeline);
  if (!grown || grown->fit < kStraight || grown->last_tenth_share > kNoJump ||
      static_cast<double>(grown->highest_bytes - std::min(grown->highest_bytes, grown->first_bytes)) <
          kGrewBy * static_cast<double>(grown->highest_bytes)) {
    return std::nullopt;
  }
  Diagnosis found{.code = "leak",
                  .title = "Memory grew steadily until the end: a leak, or a data set that is loaded whole",
                  .confidence = 0.5};
  found.evidence.push_back(fmt::format("from {} to {} in {}, {} per second on a straight line (R² {:.2f})",
                                       human_size(grown->first_bytes), human_size(grown->highest_bytes),
                                       base::human_duration(grown->duration_s),
                                       human_size(static_cast<std::uint64_t>(grown->bytes_per_s)), grown->fit));
  if (run->limits.memory_max_bytes && grown->bytes_per_s > 0) {
    const auto doubled = static_cast<double>(*run->limits.memory_max_bytes) / grown->bytes_per_s;
    found.advice.push_back(
        fmt::format("At this slope twice the limit would last {} longer ({} / {} per second): if the input is finite, "
                    "that tells the limit to try.",
                    base::human_duration(doubled), human_size(*run->limits.memory_max_bytes),
                    human_size(static_cast<std::uint64_t>(grown->bytes_per_s))));
  }
  found.advice.emplace_back(
      "Compare two heap profiles, one early and one late: what is in the second only is what grows.");
  return found;
}

Example example() {
  std::vector<std::uint64_t> memory;
  for (std::uint64_t i = 1; i <= 32; ++i) {
    memory.push_back(i * (2 << 20));
  }
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = run_example(memory)};
}

}  // namespace

constinit extern const Rule leak{
    .summary = "memory grew steadily until the limit",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

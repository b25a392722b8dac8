#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_full", "swap_absent"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* run) {
  const auto& grown = incident.analysis.growth;
  if (run == nullptr || !grown || grown->shape != "leak") {
    return std::nullopt;
  }
  const bool own = is_dominant(incident, "anon") || is_dominant(incident, "swapcache");
  Diagnosis found{.code = "leak",
                  .title = "Memory grew steadily until the end: a leak, or a data set that is loaded whole",
                  .confidence = own ? 0.955 : 0.5,
                  .role = own ? "cause" : "circumstance"};
  found.evidence.push_back(grown->words);
  found.evidence.back() += fmt::format(" (R² {:.2f})", grown->fit.value_or(0));
  quote_usage(found, incident);
  const auto slope = static_cast<std::uint64_t>(std::max(grown->bytes_per_s.value_or(0), 1.0));
  if (run->limits.memory_max_bytes) {
    const auto doubled = static_cast<double>(*run->limits.memory_max_bytes) / static_cast<double>(slope);
    found.advice.push_back(
        fmt::format("At this slope twice the limit would last {} longer ({} / {} per second): if the input is finite, "
                    "that tells the limit to try.",
                    base::human_duration(doubled), human_size(*run->limits.memory_max_bytes), human_size(slope)));
  }
  found.advice.emplace_back(
      "Compare two heap profiles, one early and one late: what is in the second only is what grows.");
  found.will_not_help.emplace_back("More memory or swap, if it is a leak: the end only comes later.");
  return found;
}

Example example() {
  std::vector<std::uint64_t> memory;
  for (std::uint64_t i = 1; i <= 32; ++i) {
    memory.push_back(i * (2 << 20));
  }
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = run_example(memory, 4)};
}

}  // namespace

constinit extern const Rule leak{
    .summary = "memory grew steadily until the limit",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

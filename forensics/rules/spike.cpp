#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_absent"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* run) {
  const auto& grown = incident.analysis.growth;
  if (run == nullptr || !grown || grown->shape != "spike") {
    return std::nullopt;
  }
  const bool own = is_dominant(incident, "anon") || is_dominant(incident, "swapcache");
  Diagnosis found{.code = "spike",
                  .title = "Most of the memory came in one jump at the end",
                  .confidence = own ? 0.955 : 0.5,
                  .role = own ? "cause" : "circumstance"};
  found.evidence.push_back(grown->words);
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Look for one large request: a file read whole, a response or query without paging, a buffer sized by its "
      "input.");
  found.advice.emplace_back(
      "Averages over time hide this: monitoring that samples every 15 s or more may never have seen the peak.");
  found.will_not_help.emplace_back("Looking for a leak: before the jump the memory stood where it was.");
  return found;
}

Example example() {
  std::vector<std::uint64_t> memory(31, 16 << 20);
  memory.push_back(64 << 20);
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = run_example(memory, 2)};
}

}  // namespace

constinit extern const Rule spike{
    .summary = "most of the memory came in one jump at the end",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

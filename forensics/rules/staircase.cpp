#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_absent"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* run) {
  const auto& grown = incident.analysis.growth;
  if (run == nullptr || !grown || grown->shape != "staircase") {
    return std::nullopt;
  }
  const bool own = is_dominant(incident, "anon") || is_dominant(incident, "swapcache");
  Diagnosis found{.code = "staircase",
                  .title = "Memory rose in steps and never went back",
                  .confidence = own ? 0.955 : 0.5,
                  .role = own ? "cause" : "circumstance"};
  found.evidence.push_back(grown->words);
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Find what comes with each step (a request, a batch, a new worker, a collection of the runtime that returns "
      "nothing): "
      "the log of the program at those times tells.");
  found.advice.emplace_back(
      "Where a runtime keeps what it freed, its own ceiling helps (-Xmx, GOMEMLIMIT, MALLOC_TRIM_THRESHOLD_, "
      "malloc_trim).");
  found.will_not_help.emplace_back("Waiting for the memory to be given back: between the steps it stayed level.");
  return found;
}

Example example() {
  std::vector<std::uint64_t> memory(48);
  for (std::uint64_t i = 0; i < memory.size(); ++i) {
    memory[i] = (4 + i / 8 * 12) << 20;
  }
  return {.incident = memcg_example({{"anon", 60 << 20}, {"file", 0}}), .run = run_example(memory, 4)};
}

}  // namespace

constinit extern const Rule staircase{
    .summary = "memory rose in steps until the limit",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

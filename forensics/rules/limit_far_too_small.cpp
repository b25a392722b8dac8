#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"thrashing"};

constexpr std::uint64_t kTiny = 16 << 20, kSmall = 128 << 20;
constexpr double kManyTimes = 10;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (!is_memcg(incident) || !incident.cgroup || !incident.cgroup->memory ||
      incident.cgroup->memory->limit_bytes.value_or(0) == 0) {
    return std::nullopt;
  }
  const auto limit = *incident.cgroup->memory->limit_bytes;
  const auto& stat = incident.cgroup->stat;
  const auto refaults =
      cgroup::find(stat, "workingset_refault_file").value_or(cgroup::find(stat, "workingset_refault").value_or(0));
  const auto reread = refaults * incident.analysis.page_size_bytes.value_or(4096);
  const double times = static_cast<double>(reread) / static_cast<double>(limit);
  // The counters are the group's since it was made: in a large group they tell nothing about its program's size. In
  // between, a program that grows without end throws out its own files, too, as long as there are any.
  const bool crowded = times >= kManyTimes && limit <= kSmall;
  if (limit > kTiny && !crowded) {
    return std::nullopt;
  }
  Diagnosis found{.code = "limit_far_too_small",
                  .title = "The limit is far too small for this program",
                  .confidence = !crowded         ? 0.6
                                : limit <= kTiny ? 0.965
                                                 : 0.9};
  found.evidence.push_back(fmt::format("the limit is {}", human_size(limit)));
  quote_usage(found, incident);
  if (times >= kManyTimes) {
    found.evidence.push_back(
        fmt::format("file pages were thrown out and read again {} times = {}, {:.0f} times the whole limit", refaults,
                    human_size(reread), times));
    quote_counters(found, incident, {"workingset_refault_file", "workingset_refault"});
  }
  if (const auto held = held_formula(incident); !held.empty()) {
    found.advice.push_back(
        fmt::format("Start above {}, which is what it held when it was stopped, plus the files it runs from (its "
                    "program and libraries).",
                    held));
  }
  found.advice.emplace_back(
      "Try limits with `oomlab run --memory-max SIZE --expect fit -- COMMAND`: exit 0 says that it fits.");
  found.will_not_help.emplace_back("Tuning the program's heap: there is no room for its code and data to begin with.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 4 << 20}, {"file", 1 << 20}, {"workingset_refault_file", 73492}});
  incident.cgroup->memory = Usage{.usage_bytes = 6 << 20, .limit_bytes = 6 << 20, .unlimited = false, .failcnt = 29899};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule limit_far_too_small{
    .summary = "the limit does not even hold the program's own files and start",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

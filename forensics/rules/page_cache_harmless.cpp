#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr double kNoticeable = 0.15;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto clean = part_bytes(incident, "file");
  const auto locked =
      incident.cgroup ? std::min(clean, cgroup::find(incident.cgroup->stat, "unevictable").value_or(0)) : 0;
  const auto share = share_of_whole(incident, clean - locked);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "page_cache_harmless",
                  .title = "Clean page cache was there, too, but it is not the cause",
                  .confidence = 0.25,
                  .role = "circumstance"};
  found.evidence.push_back(fmt::format("clean page cache was {}", of_whole(incident, clean - locked)));
  quote_counters(found, incident, {"file", "cache", "inactive_file"});
  found.advice.emplace_back(
      "Leave it: the kernel drops clean file pages before it kills, except those that are in use all the time (the "
      "programs' own code).");
  found.will_not_help.emplace_back("`echo 3 > /proc/sys/vm/drop_caches`, and alarms on \"used\" that count the cache.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 40 << 20}, {"file", 20 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule page_cache_harmless{
    .summary = "clean page cache was there, and is not the cause",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

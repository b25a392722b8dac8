#include "forensics/storm.h"

#include <algorithm>

#include <fmt/format.h>

namespace forensics {
namespace {

constexpr std::size_t kKept = 100;
constexpr std::size_t kFewest = 10;  // are kept however long their tables are
constexpr std::size_t kRows = 20000;
constexpr std::size_t kMost = 3000;        // of all sorts
constexpr std::size_t kMostRows = 100000;  // of all tables

// What all reports of a sort have in common.
std::string sort_of(const Incident& incident, bool by_name) {
  if (!by_name) {
    return fmt::format("{}|{}|{}", incident.kind, incident.scope, incident.killer);
  }
  auto sort =
      fmt::format("{}|{}|{}|{}|{}|{}", incident.kind, incident.scope, incident.killer, incident.time.host.value_or(""),
                  incident.cgroup ? incident.cgroup->oom_memcg.value_or("") : "", incident.missing.size());
  for (const auto& victim : incident.victims) {
    sort += '|';
    sort += victim.comm.value_or("");
  }
  return sort;
}

}  // namespace

bool Storm::fold(const Incident& incident, std::vector<Incident>& kept) {
  auto& sort = sorts_[sort_of(incident, kept_ < kMost && rows_ < kMostRows)];
  if (sort.kept >= kKept || (sort.kept >= kFewest && sort.rows >= kRows)) {
    auto& last = kept.at(sort.last);
    last.repeats += incident.repeats;
    last.log.last_line = std::max(last.log.last_line, incident.log.last_line);
    last.log.suppressed += incident.log.suppressed;
    line_ = folded_ == 0 ? incident.log.first_line : line_;
    folded_ += incident.repeats;
    return true;
  }
  ++sort.kept;
  sort.rows += incident.tasks.size();
  ++kept_;
  rows_ += incident.tasks.size();
  sort.last = kept.size();
  return false;
}

void Storm::warn(std::size_t input, std::vector<Warning>& warnings) const {
  if (folded_ > 0) {
    warnings.push_back(
        {.code = "storm",
         .message = fmt::format("{} more reports are like those before them: counted as repeats, not shown", folded_),
         .input = input,
         .line = line_});
  }
}

}  // namespace forensics

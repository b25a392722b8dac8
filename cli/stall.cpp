#include "cli/stall.h"

#include "cgroup/parse.h"

namespace cli {
namespace {

constexpr double kFullShare = 0.7;
constexpr double kNearLimit = 0.9;

}  // namespace

bool is_stalled_now(const StallFacts& facts) {
  const bool waiting = !facts.has_pressure || facts.full_share >= kFullShare;
  return (waiting && facts.at_limit && facts.churning) || facts.storm;
}

StallDetector::StallDetector(const cgroup::Dir& dir, const cgroup::Limits& limits,
                             std::optional<std::chrono::nanoseconds> timeout)
    : dir_(dir), timeout_(timeout) {
  for (const auto& limit : {limits.memory_max, limits.memory_high}) {
    if (limit && limit->bytes) {
      limit_bytes_ = std::min(limit_bytes_, *limit->bytes);
    }
  }
}

StallFacts StallDetector::look() {
  StallFacts facts;
  const auto now = Clock::now();
  const double period = std::chrono::duration<double>(now - last_look_).count();
  last_look_ = now;

  const auto current = dir_.value("memory.current", cgroup::parse_count);
  const auto pressure = dir_.value("memory.pressure", cgroup::parse_pressure);
  const auto events = dir_.value("memory.events", cgroup::parse_memory_events);
  const auto stat = dir_.value("memory.stat", cgroup::parse_counters).value_or(cgroup::Counters{});
  facts.at_limit = current && static_cast<double>(*current) >= kNearLimit * static_cast<double>(limit_bytes_);
  facts.has_pressure = pressure && pressure->full;
  if (facts.has_pressure) {
    const auto full = pressure->full->total;
    facts.full_share = std::chrono::duration<double>(full - last_full_).count() / std::max(period, 1e-3);
    last_full_ = full;
  }
  std::uint64_t churn = events ? events->high.value_or(0) : 0;
  for (const auto* name : {"workingset_refault_anon", "workingset_refault_file", "workingset_refault"}) {
    churn += cgroup::find(stat, name).value_or(0);
  }
  const std::uint64_t oom = events ? events->oom.value_or(0) : 0;
  const std::uint64_t kill = events ? events->oom_kill.value_or(0) : 0;
  facts.storm = oom > last_oom_ && kill == last_kill_;
  last_oom_ = oom;
  last_kill_ = kill;
  facts.churning = churn > last_churn_;
  last_churn_ = churn;
  return facts;
}

bool StallDetector::stalled() {
  if (!timeout_ || limit_bytes_ == UINT64_MAX) {
    return false;
  }
  if (!is_stalled_now(look())) {
    stalled_since_.reset();
    return false;
  }
  if (!stalled_since_) {
    stalled_since_ = last_look_ - kPeriod;  // the period just judged belongs to it
  }
  return last_look_ - *stalled_since_ >= *timeout_;
}

}  // namespace cli

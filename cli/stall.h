#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cli {

// A job that hangs at its limit instead of dying: every task stalled on memory nearly all the time (PSI full), pages
// that come back as soon as they are evicted (refaults) or a throttle at memory.high, no room left. Judged once a
// period; pure apart from reading the cgroup.
struct StallFacts {
  double full_share = 0;  // of the period in which all tasks were stalled; 0 to 1
  bool at_limit = false;  // memory.current within 10 % of memory.max or memory.high
  bool churning = false;  // refaults, or memory.high events, in this period
  bool storm = false;     // OOM events in this period, but no kill: nobody may be killed, and the fault is tried again
  bool has_pressure = true;  // this kernel tells PSI
};
[[nodiscard]] bool is_stalled_now(const StallFacts& facts);

class StallDetector {
 public:
  // Long enough for what comes in steps: the kernel brings PSI totals up to date every 2 s (psi_show in
  // kernel/sched/psi.c) and one throttled sleep at memory.high lasts up to 2 s (MEMCG_MAX_HIGH_DELAY_JIFFIES in
  // mm/memcontrol.c).
  static constexpr std::chrono::seconds kPeriod{4};
  StallDetector(const cgroup::Dir& dir, const cgroup::Limits& limits, std::optional<std::chrono::nanoseconds> timeout);
  // To be called every period; true when it has been stalled for the whole timeout.
  bool stalled();

 private:
  using Clock = std::chrono::steady_clock;
  StallFacts look();
  const cgroup::Dir& dir_;
  std::uint64_t limit_bytes_ = UINT64_MAX;
  std::optional<std::chrono::nanoseconds> timeout_;
  Clock::time_point last_look_ = Clock::now();
  std::optional<Clock::time_point> stalled_since_;
  std::chrono::microseconds last_full_{0};
  std::uint64_t last_churn_ = 0, last_oom_ = 0, last_kill_ = 0;
};

}  // namespace cli

#pragma once

#include <chrono>

#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cli {

// The one line that says how far a run is: level against the limit, rate, time. Only on a terminal; at most ten times a
// second.
class Progress {
 public:
  Progress(bool enabled, const cgroup::Dir& dir, const cgroup::Limits& limits);
  void update();
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_;
  const cgroup::Dir& dir_;
  std::uint64_t limit_bytes_ = 0;
  Clock::time_point start_ = Clock::now(), shown_;
  std::uint64_t last_bytes_ = 0;
};

}  // namespace cli

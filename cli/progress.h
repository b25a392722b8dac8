#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cli {

// What there is to say of a run at one moment; what is nothing is left out.
struct ProgressFacts {
  std::uint64_t level_bytes = 0;
  std::optional<std::uint64_t> limit_bytes;
  std::optional<double> rate;                     // bytes per second, negative when it falls
  std::optional<double> stalled_share;            // of the last seconds, with a task stalled for memory, 0 to 1
  std::uint64_t max_events = 0, high_events = 0;  // how often the kernel had to act at the limit, at memory.high
  std::uint64_t kills = 0;
  std::uint64_t reclaimed_bytes = 0, swap_bytes = 0;
  double seconds = 0;
};

// The line, at most that wide: what matters less is left out first.
std::string progress_line(const ProgressFacts& facts, std::size_t width);

// The one line that says how far a run is. Only on a terminal; at most ten times a second.
class Progress {
 public:
  Progress(bool enabled, const cgroup::Dir& dir, const cgroup::Limits& limits);
  void update();
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  ProgressFacts look(Clock::time_point now);
  std::optional<double> stalled_share(Clock::time_point now);
  std::uint64_t reclaimed();

  bool enabled_;
  const cgroup::Dir& dir_;
  std::optional<std::uint64_t> limit_bytes_;
  Clock::time_point start_ = Clock::now(), shown_, window_start_ = start_;
  std::uint64_t last_bytes_ = 0;
  std::chrono::microseconds window_stalled_{0};
  std::optional<double> share_;
};

}  // namespace cli

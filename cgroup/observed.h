#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "cgroup/flight_ring.h"
#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cgroup {

// A cgroup that others made, as long as it is there and as it was last seen: its limits and counters, and what it held
// lately. Once it is gone nothing changes any more.
class Observed {
 public:
  using Clock = std::chrono::steady_clock;
  static base::Result<Observed> open(const std::filesystem::path& folder);

  // The inode: tells a group from a later one of the same path.
  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const Dir& dir() const { return dir_; }

  // Keeps a row of now; memory.stat is read when memory.current has moved by a sixteenth, at least every tenth time.
  void sample(Clock::time_point now);
  // To be called when memory.events has changed, as often as it does: reads everything, at most four times a second
  // where nobody was killed. False when the group is gone: then the last reading stays.
  bool refresh(Clock::time_point now);

  // As last read by refresh(); memory_stat is that of before the last kill.
  [[nodiscard]] const Snapshot& last() const { return last_; }
  [[nodiscard]] std::vector<Sample> timeline() const { return ring_.samples(); }
  // The time of t = 0 of the timeline.
  [[nodiscard]] Clock::time_point start() const { return start_; }

 private:
  Observed(Dir dir, std::uint64_t id, FlightRing ring, Clock::time_point now)
      : dir_(std::move(dir)), id_(id), ring_(std::move(ring)), start_(now) {}
  void add_row(std::uint64_t memory, bool with_stat, Row::Weight weight, Clock::time_point now);

  Dir dir_;
  std::uint64_t id_;
  FlightRing ring_;
  Clock::time_point start_;
  Snapshot last_;
  std::optional<Clock::time_point> refreshed_;
  std::uint64_t stat_at_ = 0;  // memory.current when memory.stat was read
  unsigned since_stat_ = 0;
};

}  // namespace cgroup

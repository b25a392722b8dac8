#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "cgroup/model.h"
#include "cgroup/timeline.h"

namespace cgroup {

// The flight recorder of one cgroup that may live for months: its last rows as they came, and before them its life in
// rows ever farther apart. All memory is there from the start.
class FlightRing {
 public:
  static constexpr std::size_t kRecent = 180;  // rows kept as they came
  static constexpr std::size_t kOlder = 64;    // rows of the time before
  static base::Result<FlightRing> create();

  void add(const Row& row);
  // Oldest first.
  [[nodiscard]] std::vector<Sample> samples() const;
  [[nodiscard]] bool is_empty() const { return count_ == 0; }
  // The newest row; an empty one when there is none.
  [[nodiscard]] const Row& latest() const { return recent_[(next_ + kRecent - 1) % kRecent]; }

 private:
  explicit FlightRing(Timeline older) : older_(std::move(older)), recent_(kRecent) {}
  Timeline older_;
  std::vector<Row> recent_;
  std::size_t next_ = 0, count_ = 0;
};

}  // namespace cgroup

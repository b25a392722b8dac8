#include "cgroup/flight_ring.h"

#include <algorithm>

namespace cgroup {

base::Result<FlightRing> FlightRing::create() {
  TRY_ASSIGN(auto older, Timeline::create(kOlder));
  return FlightRing(std::move(older));
}

void FlightRing::add(const Row& row) {
  if (count_ == kRecent) {
    older_.add(recent_[next_]);
  }
  recent_[next_] = row;
  next_ = (next_ + 1) % kRecent;
  count_ = std::min(count_ + 1, kRecent);
}

std::vector<Sample> FlightRing::samples() const {
  auto samples = older_.samples();
  for (std::size_t i = 0; i < count_; ++i) {
    samples.push_back(to_sample(recent_[(next_ + kRecent - count_ + i) % kRecent]));
  }
  return samples;
}

}  // namespace cgroup

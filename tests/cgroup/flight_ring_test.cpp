#include "cgroup/flight_ring.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/support/fake_cgroup.h"

namespace cgroup {
namespace {

using namespace std::chrono_literals;
using support::must;

FlightRing filled(std::size_t rows) {
  auto ring = must(FlightRing::create());
  for (std::size_t i = 0; i < rows; ++i) {
    ring.add({.t_ns = std::chrono::nanoseconds(std::chrono::seconds(i)).count(), .memory = i});
  }
  return ring;
}

TEST(FlightRing, IsEmptyAtFirst) {
  const auto ring = filled(0);
  EXPECT_TRUE(ring.is_empty());
  EXPECT_TRUE(ring.samples().empty());
}

TEST(FlightRing, KeepsAFewAsTheyCame) {
  const auto samples = filled(3).samples();
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].t, 0s);
  EXPECT_EQ(samples[2].memory, 2U);
}

TEST(FlightRing, KeepsTheLastRowsAndThinsTheOlder) {
  constexpr std::size_t kDay = 86400;
  const auto ring = filled(kDay);
  const auto samples = ring.samples();
  ASSERT_GT(samples.size(), FlightRing::kRecent);
  EXPECT_LE(samples.size(), FlightRing::kRecent + FlightRing::kOlder + 1);
  for (std::size_t i = 0; i < FlightRing::kRecent; ++i) {
    EXPECT_EQ(samples[samples.size() - 1 - i].memory, kDay - 1 - i) << "the last ones are all there";
  }
  EXPECT_EQ(samples[0].t, 0s) << "the whole life is covered";
  EXPECT_TRUE(std::ranges::is_sorted(samples, {}, &Sample::t));
  EXPECT_EQ(ring.latest().memory, kDay - 1);
}

}  // namespace
}  // namespace cgroup

#include "cli/kernel_reading.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::steady_clock::time_point kStart{std::chrono::seconds(100)};

forensics::Incident killed_at(double monotonic_s) {
  forensics::Incident incident;
  incident.time.monotonic_s = monotonic_s;
  auto& cgroup = incident.cgroup.emplace();
  cgroup.memory = forensics::Usage{.usage_bytes = 64, .limit_bytes = 64};
  cgroup.stat = {{"anon", 60}, {"file", 1}, {"kernel", 3}};
  return incident;
}

TEST(KernelReading, StandsWhereItsTimeIs) {
  std::vector<cgroup::Sample> timeline = {
      {.t = milliseconds(0), .memory = 0}, {.t = milliseconds(10), .memory = 30}, {.t = milliseconds(30), .memory = 2}};
  add_kernel_reading(timeline, killed_at(100.020), kStart);
  ASSERT_EQ(timeline.size(), 4U);
  EXPECT_EQ(timeline[2].memory, 64U);
  EXPECT_EQ(timeline[2].anon, 60U);
  EXPECT_EQ(timeline[2].kernel, 3U);
  EXPECT_EQ(timeline[2].swap, std::nullopt) << "the report has no swap line";
}

TEST(KernelReading, NeverBeforeTheStart) {
  std::vector<cgroup::Sample> timeline;
  add_kernel_reading(timeline, killed_at(99.9), kStart);
  ASSERT_EQ(timeline.size(), 1U);
  EXPECT_EQ(timeline[0].t, milliseconds(0));
}

TEST(KernelReading, NothingWithoutAUsageLine) {
  std::vector<cgroup::Sample> timeline;
  auto incident = killed_at(100.5);
  incident.cgroup->memory.reset();
  add_kernel_reading(timeline, incident, kStart);
  incident.cgroup.reset();
  add_kernel_reading(timeline, incident, kStart);
  EXPECT_TRUE(timeline.empty());
}

}  // namespace
}  // namespace cli

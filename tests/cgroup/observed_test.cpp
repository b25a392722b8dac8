#include "cgroup/observed.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/support/fake_cgroup.h"

namespace cgroup {
namespace {

using namespace std::chrono_literals;
using support::FakeCgroup;
using support::must;

std::string kills(unsigned count) {
  return fmt::format("low 0\nhigh 0\nmax 5\noom {0}\noom_kill {0}\noom_group_kill 0\n", count);
}

FakeCgroup container() {
  return {{"memory.current", "1000000\n"}, {"memory.swap.current", "0\n"},
          {"memory.max", "33554432\n"},    {"memory.swap.max", "0\n"},
          {"memory.peak", "2000000\n"},    {"memory.stat", "anon 900000\nfile 50000\nkernel 20000\nshmem 0\n"},
          {"memory.events", kills(0)},     {"memory.events.local", kills(0)}};
}

TEST(Observed, KnowsLimitsAndCountersFromTheStart) {
  const auto fake = container();
  const auto group = must(Observed::open(fake.path()));
  EXPECT_EQ(group.last().memory_max->bytes, 33554432U);
  EXPECT_EQ(group.last().swap_max->bytes, 0U);
  EXPECT_EQ(group.last().events_local->oom_kill, 0U);
  ASSERT_EQ(group.timeline().size(), 1U);
  EXPECT_EQ(group.timeline()[0].anon, 900000U);
}

TEST(Observed, TheCountersOfBeforeTheKillStay) {
  const auto fake = container();
  auto group = must(Observed::open(fake.path()));
  fake.write("memory.current", "33000000\n");
  fake.write("memory.stat", "anon 32000000\nfile 50000\nkernel 20000\nshmem 0\n");
  group.sample(group.start() + 1s);
  fake.write("memory.current", "100000\n");
  fake.write("memory.stat", "anon 0\nfile 50000\nkernel 20000\nshmem 0\n");
  fake.write("memory.events", kills(1));
  fake.write("memory.events.local", kills(1));
  ASSERT_TRUE(group.refresh(group.start() + 2s));
  EXPECT_EQ(group.last().events_local->oom_kill, 1U);
  EXPECT_EQ(find(group.last().memory_stat, "anon"), 32000000U);
  const auto rows = group.timeline();
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].anon, 32000000U);
  EXPECT_FALSE(rows[2].anon) << "what it held before is not what it holds at this moment";
}

TEST(Observed, StatisticsAreReadWhenTheLevelHasMoved) {
  const auto fake = container();
  auto group = must(Observed::open(fake.path()));
  group.sample(group.start() + 1s);
  EXPECT_FALSE(group.timeline().back().anon) << "nothing has changed";
  fake.write("memory.current", "1100000\n");
  group.sample(group.start() + 2s);
  EXPECT_TRUE(group.timeline().back().anon) << "by more than a sixteenth";
  for (int i = 0; i < 10; ++i) {
    group.sample(group.start() + 3s + std::chrono::seconds(i));
  }
  EXPECT_TRUE(group.timeline().back().anon) << "every tenth time";
}

TEST(Observed, EventsWithoutAKillAreReadNowAndThen) {
  const auto fake = container();
  auto group = must(Observed::open(fake.path()));
  for (unsigned i = 1; i <= 1000; ++i) {
    EXPECT_TRUE(group.refresh(group.start() + std::chrono::milliseconds(i)));
  }
  EXPECT_LE(group.timeline().size(), 5U) << "the recorder is not filled by them";
  fake.write("memory.events", kills(1));
  fake.write("memory.events.local", kills(1));
  EXPECT_TRUE(group.refresh(group.start() + 1001ms));
  EXPECT_EQ(group.last().events_local->oom_kill, 1U) << "a kill is read at once";
}

TEST(Observed, WhatIsGoneStaysAsItWasSeen) {
  const auto fake = container();
  auto group = must(Observed::open(fake.path()));
  fake.remove("memory.current");
  EXPECT_FALSE(group.refresh(group.start() + 1s));
  group.sample(group.start() + 2s);
  EXPECT_EQ(group.last().memory_max->bytes, 33554432U);
  EXPECT_EQ(group.timeline().size(), 1U);
}

}  // namespace
}  // namespace cgroup

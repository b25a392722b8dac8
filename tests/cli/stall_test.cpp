#include "cli/stall.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

TEST(Stall, NeedsPressureTheLimitAndChurn) {
  const StallFacts stalled{.full_share = 0.9, .at_limit = true, .churning = true};
  EXPECT_TRUE(is_stalled_now(stalled));
  auto facts = stalled;
  facts.full_share = 0.3;
  EXPECT_FALSE(is_stalled_now(facts)) << "busy, not stalled";
  facts = stalled;
  facts.at_limit = false;
  EXPECT_FALSE(is_stalled_now(facts)) << "waits for something else";
  facts = stalled;
  facts.churning = false;
  EXPECT_FALSE(is_stalled_now(facts)) << "nothing comes back: a sleeper at its limit";
  facts = stalled;
  facts.has_pressure = false;
  facts.full_share = 0;
  EXPECT_TRUE(is_stalled_now(facts)) << "without PSI the refaults tell";
}

TEST(Stall, AStormWithoutAVictimIsOneWithoutPressure) {
  EXPECT_TRUE(is_stalled_now({.full_share = 0.1, .at_limit = true, .storm = true}));
}

}  // namespace
}  // namespace cli

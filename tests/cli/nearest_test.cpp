#include "cli/nearest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cli {
namespace {

const std::vector<std::string> kNames = {"analyze", "doctor", "list", "report", "run", "stress", "vm"};

TEST(Nearest, FindsASlipOfTheFinger) {
  EXPECT_EQ(nearest("analyse", kNames), "analyze");
  EXPECT_EQ(nearest("analize", kNames), "analyze");
  EXPECT_EQ(nearest("doctr", kNames), "doctor");
  EXPECT_EQ(nearest("sterss", kNames), "stress");
  EXPECT_EQ(nearest("rn", kNames), "run");
  EXPECT_EQ(nearest("run", kNames), "run");
}

TEST(Nearest, LeavesTheFarAlone) {
  EXPECT_EQ(nearest("frobnicate", kNames), "");
  EXPECT_EQ(nearest("", kNames), "");
  EXPECT_EQ(nearest("x", kNames), "");
  EXPECT_EQ(nearest("xy", kNames), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'a'), kNames), "");
  EXPECT_EQ(nearest("run", {}), "");
}

}  // namespace
}  // namespace cli

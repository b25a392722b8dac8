#include "stress/profile.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "stress/growth.h"

namespace stress {
namespace {

constexpr std::uint64_t kMib = 1ULL << 20;

base::Result<Profile> profile(const std::map<std::string, std::string>& given) {
  const auto parameters = Parameters::check(kGrowth, given);
  EXPECT_TRUE(parameters);
  return profile_of(*parameters);
}

struct Point {
  double t_s;
  double mib;
};

struct ShapeCase {
  const char* name;
  std::map<std::string, std::string> given;
  double end_s;
  std::vector<Point> points;
};

class Shapes : public testing::TestWithParam<ShapeCase> {};

TEST_P(Shapes, AreFunctionsOfTime) {
  const auto made = profile(GetParam().given);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_DOUBLE_EQ(made->end_s(), GetParam().end_s);
  for (const auto& [t_s, mib] : GetParam().points) {
    EXPECT_NEAR(static_cast<double>(made->level(t_s)) / kMib, mib, 0.01) << "at " << t_s;
  }
}

constexpr double kNever = std::numeric_limits<double>::infinity();

INSTANTIATE_TEST_SUITE_P(
    Table, Shapes,
    testing::Values(ShapeCase{"at_once", {{"size", "64M"}}, 0, {{0, 64}, {100, 64}}},
                    ShapeCase{
                        "at_a_rate", {{"size", "64M"}, {"rate", "16M/s"}}, 4, {{0, 0}, {1, 16}, {4, 64}, {9, 64}}},
                    ShapeCase{"without_an_end", {{"rate", "16M"}}, kNever, {{1, 16}, {1000, 16000}}},
                    ShapeCase{"ramp",
                              {{"size", "64M"}, {"shape", "ramp"}, {"rate", "16M"}, {"period", "2s"}},
                              5,
                              {{0, 0}, {1, 4}, {2, 16}, {3, 32}, {5, 64}, {6, 64}}},
                    ShapeCase{"ramp_that_never_has_its_rate",
                              {{"size", "4M"}, {"shape", "ramp"}, {"rate", "16M"}, {"period", "2s"}},
                              1,
                              {{0.5, 1}, {1, 4}, {2, 4}}},
                    ShapeCase{"steps",
                              {{"size", "64M"}, {"shape", "steps"}, {"steps", "4"}, {"period", "500ms"}},
                              1.5,
                              {{0, 16}, {0.49, 16}, {0.5, 32}, {1.2, 48}, {1.5, 64}, {8, 64}}},
                    ShapeCase{"sawtooth",
                              {{"size", "90M"}, {"shape", "sawtooth"}, {"period", "1s"}, {"repeat", "2"}},
                              2,
                              {{0, 0}, {0.45, 45}, {0.95, 90}, {1, 0}, {1.45, 45}, {2, 0}, {2.5, 0}}},
                    ShapeCase{"sawtooth_without_an_end",
                              {{"size", "90M"}, {"shape", "sawtooth"}, {"repeat", "0"}},
                              kNever,
                              {{100.45, 45}}},
                    ShapeCase{"burst",
                              {{"size", "64M"}, {"shape", "burst"}, {"period", "2s"}, {"repeat", "2"}},
                              4,
                              {{0, 64}, {0.9, 64}, {1.1, 0}, {2.5, 64}, {3.5, 0}, {4, 0}}},
                    ShapeCase{"leak_without_noise",
                              {{"size", "64M"}, {"shape", "leak"}, {"rate", "10M"}, {"noise", "0"}},
                              6.6,
                              {{0.05, 0}, {1.01, 10}, {3.05, 30}, {6.6, 64}}}),
    [](const auto& row) { return row.param.name; });

struct DueCase {
  const char* name;
  std::map<std::string, std::string> given;
  std::vector<Point> turns;
};

class Turns : public testing::TestWithParam<DueCase> {};

TEST_P(Turns, AreDueInOrder) {
  const auto made = profile(GetParam().given);
  ASSERT_TRUE(made) << made.error().message;
  std::uint64_t n = 0;
  for (const auto& [t_s, mib] : GetParam().turns) {
    EXPECT_NEAR(made->due_s(n), t_s, 1e-5) << "turn " << n;
    EXPECT_NEAR(static_cast<double>(made->level(made->due_s(n))) / kMib, mib, 0.01) << "turn " << n;
    ++n;
  }
  EXPECT_EQ(made->due_s(n), kNever);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Turns,
    testing::Values(DueCase{"at_a_rate", {{"size", "64M"}, {"rate", "16M"}}, {}},
                    DueCase{"steps",
                            {{"size", "60M"}, {"shape", "steps"}, {"steps", "3"}, {"period", "700ms"}},
                            {{0, 20}, {0.7, 40}, {1.4, 60}}},
                    DueCase{"sawtooth",
                            {{"size", "60M"}, {"shape", "sawtooth"}, {"repeat", "2"}, {"period", "700ms"}},
                            {{0.63, 60}, {0.7, 0}, {1.33, 60}}},
                    DueCase{"burst",
                            {{"size", "60M"}, {"shape", "burst"}, {"repeat", "2"}, {"period", "700ms"}},
                            {{0, 60}, {0.35, 0}, {0.7, 60}}}),
    [](const auto& row) { return row.param.name; });

TEST(Profile, ALeakFollowsItsSeedNeverFallsAndKeepsItsMeanSlope) {
  const std::map<std::string, std::string> given = {
      {"size", "1G"}, {"shape", "leak"}, {"rate", "10M"}, {"noise", "50"}, {"seed", "7"}};
  const auto first = profile(given);
  const auto again = profile(given);
  auto other_seed = given;
  other_seed["seed"] = "8";
  const auto other = profile(other_seed);
  ASSERT_TRUE(first && again && other);
  bool differs = false, is_noisy = false;
  std::uint64_t before = 0;
  for (double t = 0; t < 30; t += 0.1) {
    const auto level = first->level(t + 0.01);
    EXPECT_EQ(level, again->level(t + 0.01));
    EXPECT_GE(level, before) << t;
    EXPECT_NEAR(static_cast<double>(level) / kMib, t * 10, 1) << t;
    differs |= level != other->level(t + 0.01);
    is_noisy |= std::abs(static_cast<double>(level) / kMib - t * 10) > 0.2;
    before = level;
  }
  EXPECT_TRUE(differs);
  EXPECT_TRUE(is_noisy);
}

struct BadCase {
  const char* name;
  std::map<std::string, std::string> given;
  const char* message;
};

class BadProfiles : public testing::TestWithParam<BadCase> {};

TEST_P(BadProfiles, AreRefused) {
  const auto made = profile(GetParam().given);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, base::ErrorKind::usage);
  EXPECT_EQ(made.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadProfiles,
    testing::Values(BadCase{"ramp", {{"shape", "ramp"}, {"size", "1M"}}, "--shape ramp: needs --rate"},
                    BadCase{"leak", {{"shape", "leak"}}, "--shape leak: needs --rate"},
                    BadCase{"steps", {{"shape", "steps"}}, "--shape steps: needs --size"},
                    BadCase{"burst",
                            {{"shape", "burst"}, {"size", "1M"}, {"rate", "1M"}},
                            "--shape burst: has no --rate, it follows from --size and --period"},
                    BadCase{"no_rate", {{"rate", "0"}}, "--rate: 0 would never get anywhere"},
                    BadCase{"no_period", {{"period", "0s"}}, "--period: 0 is no time"},
                    BadCase{"noise", {{"noise", "51"}}, "--noise: 51 is above 50"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace stress

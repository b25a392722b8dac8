#include "stress/parameters.h"

#include <array>

#include <gtest/gtest.h>

namespace stress {
namespace {

constexpr std::array<Parameter, 6> kKnown{{
    {"size", ParameterKind::size, "", "a size"},
    {"rate", ParameterKind::rate, "64M/s", "a rate"},
    {"hold", ParameterKind::duration, "2s", "a time"},
    {"count", ParameterKind::count, "7", "a number"},
    {"share", ParameterKind::percent, "", "a share"},
    {"keep", ParameterKind::flag, "no", "a switch"},
}};

TEST(Parameters, DefaultsHoldUntilSomethingIsGiven) {
  const auto parameters = Parameters::check(kKnown, {{"size", "1.5K"}, {"keep", "yes"}});
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->size("size"), 1536U);
  EXPECT_EQ(parameters->size("rate"), 64U << 20);
  EXPECT_DOUBLE_EQ(parameters->seconds("hold"), 2.0);
  EXPECT_EQ(parameters->count("count"), 7U);
  EXPECT_TRUE(parameters->flag("keep"));
  EXPECT_FALSE(parameters->has("share"));
}

struct BadCase {
  const char* name;
  std::map<std::string, std::string> given;
  const char* message;
};

class BadParameters : public testing::TestWithParam<BadCase> {};

TEST_P(BadParameters, AreNamedWithWhatIsAccepted) {
  const auto parameters = Parameters::check(kKnown, GetParam().given);
  ASSERT_FALSE(parameters);
  EXPECT_EQ(parameters.error().kind, base::ErrorKind::usage);
  EXPECT_EQ(parameters.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadParameters,
    testing::Values(
        BadCase{
            "size", {{"size", "12Q"}}, "--size: '12Q' is not a size: bytes, or a number with K, M, G or T (binary)"},
        BadCase{"rate",
                {{"rate", "fast/s"}},
                "--rate: 'fast' is not a size: bytes, or a number with K, M, G or T (binary)"},
        BadCase{"duration", {{"hold", "3 days"}}, "--hold: '3 days' is not a duration such as 250ms, 3s or 2m"},
        BadCase{"count", {{"count", "-1"}}, "--count: '-1' is not a whole number"},
        BadCase{"percent", {{"share", "101"}}, "--share: '101' is not a whole number from 0 to 100"},
        BadCase{"flag", {{"keep", "maybe"}}, "--keep: 'maybe' is not yes or no"},
        BadCase{"unknown", {{"colour\x1b[31m", "red"}}, "--colour\\x1b[31m: not an option of this workload"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace stress

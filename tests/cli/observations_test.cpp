#include "cli/observations.h"

#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

namespace cli {
namespace {

void send(const Observations& observations, std::string_view text) {
  ASSERT_EQ(::write(observations.child_fd(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
}

TEST(Observations, ComeThroughThePipe) {
  auto observations = Observations::create();
  ASSERT_TRUE(observations);
  const auto observe = observe_to(observations->child_fd());
  observe("start", "arena", 135168, "bytes");
  observe("end", "arena", 0.5, "");
  observe("start", "arena", 9551872, "bytes");
  observations->drain();
  ASSERT_EQ(observations->all().size(), 2U);
  EXPECT_EQ(observations->all()[0].step, "start");
  EXPECT_EQ(observations->all()[0].name, "arena");
  EXPECT_EQ(observations->all()[0].value, 9551872) << "the later one counts";
  EXPECT_EQ(observations->all()[0].unit, "bytes");
  EXPECT_EQ(observations->all()[1].value, 0.5);
}

TEST(Observations, LinesMayComeInParts) {
  auto observations = Observations::create();
  ASSERT_TRUE(observations);
  send(*observations, "a\tb\t1");
  observations->drain();
  EXPECT_TRUE(observations->all().empty());
  send(*observations, "2\tc\nd\te\t3\t");
  observations->drain();
  send(*observations, "f\n");
  observations->drain();
  ASSERT_EQ(observations->all().size(), 2U);
  EXPECT_EQ(observations->all()[0].value, 12);
  EXPECT_EQ(observations->all()[1].unit, "f");
}

struct OddCase {
  const char* name;
  std::string text;
};

class OddLines : public testing::TestWithParam<OddCase> {};

TEST_P(OddLines, AreIgnored) {
  auto observations = Observations::create();
  ASSERT_TRUE(observations);
  send(*observations, GetParam().text + "\nfine\tn\t1\t\n");
  observations->drain();
  ASSERT_EQ(observations->all().size(), 1U);
  EXPECT_EQ(observations->all()[0].step, "fine");
}

INSTANTIATE_TEST_SUITE_P(Table, OddLines,
                         testing::Values(OddCase{"empty", ""}, OddCase{"too_few", "a\tb\t1"},
                                         OddCase{"no_number", "a\tb\tone\tc"}, OddCase{"half_a_number", "a\tb\t1x\tc"},
                                         OddCase{"infinite", "a\tb\tinf\tc"}, OddCase{"nan", "a\tb\tnan\tc"},
                                         OddCase{"no_value", "a\tb\t\tc"}),
                         [](const auto& row) { return row.param.name; });

TEST(Observations, AreBounded) {
  auto observations = Observations::create();
  ASSERT_TRUE(observations);
  send(*observations, std::string(3000, 'x'));
  observations->drain();
  const auto observe = observe_to(observations->child_fd());
  observe("long", std::string(1000, 'n'), 1, "");
  for (int i = 0; i < 5000; ++i) {
    observe("step" + std::to_string(i), "n", i, "");
    observations->drain();
  }
  EXPECT_EQ(observations->all().size(), 4096U);
  EXPECT_EQ(observations->all()[0].step, "step0");
}

}  // namespace
}  // namespace cli

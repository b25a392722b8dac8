#include "base/scanner.h"

#include <cstdint>
#include <limits>

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(Scanner, LiteralConsumesAllOrNothing) {
  Scanner in("oom-kill:constraint");
  EXPECT_FALSE(in.literal("oom_kill"));
  EXPECT_EQ(in.rest(), "oom-kill:constraint");
  EXPECT_TRUE(in.literal("oom-kill:"));
  EXPECT_EQ(in.rest(), "constraint");
  EXPECT_FALSE(in.literal("constraint=and more"));
  EXPECT_TRUE(in.literal(""));
  EXPECT_TRUE(in.literal("constraint"));
  EXPECT_TRUE(in.done());
}

TEST(Scanner, NumberStopsAtTheFirstOtherByte) {
  Scanner in("123,-7");
  EXPECT_EQ(in.number<std::uint64_t>(), 123U);
  EXPECT_TRUE(in.literal(","));
  EXPECT_EQ(in.number<int>(), -7);
  EXPECT_TRUE(in.done());
}

TEST(Scanner, NumberRefusesWithoutConsuming) {
  for (const std::string_view text : {"", "x1", " 1", "+1", "18446744073709551616", "-1"}) {
    Scanner in(text);
    EXPECT_EQ(in.number<std::uint64_t>(), std::nullopt) << text;
    EXPECT_EQ(in.rest(), text);
  }
}

TEST(Scanner, NumberReachesTheEndsOfItsType) {
  EXPECT_EQ(Scanner("18446744073709551615").number<std::uint64_t>(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(Scanner("-9223372036854775808").number<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(Scanner("256").number<std::uint8_t>(), std::nullopt);
}

TEST(Scanner, NumberReadsOtherBases) {
  Scanner in("1fZ");
  EXPECT_EQ(in.number<unsigned>(16), 0x1fU);
  EXPECT_EQ(in.rest(), "Z");
}

TEST(Scanner, UntilTakesTheSeparatorToo) {
  Scanner in("foo) Z ), total-vm:1");
  EXPECT_EQ(in.until("), total-vm:"), "foo) Z ");
  EXPECT_EQ(in.rest(), "1");
  EXPECT_EQ(in.until(","), std::nullopt);
  EXPECT_EQ(in.rest(), "1");
}

TEST(Scanner, UntilMayFindItAtOnceOrAtTheEnd) {
  Scanner in(":a:");
  EXPECT_EQ(in.until(":"), "");
  EXPECT_EQ(in.until(":"), "a");
  EXPECT_TRUE(in.done());
}

TEST(Scanner, WordEndsAtBlanksAndNewlines) {
  Scanner in("anon 4096\nfile");
  EXPECT_EQ(in.word(), "anon");
  EXPECT_EQ(in.word(), std::nullopt);  // stands on the blank
  in.skip_blanks();
  EXPECT_EQ(in.word(), "4096");
  EXPECT_EQ(in.rest(), "\nfile");
  in.skip_blanks();  // a newline is not a blank
  EXPECT_EQ(in.rest(), "\nfile");
}

TEST(Scanner, SkipBlanksReachesTheEnd) {
  Scanner in(" \t ");
  in.skip_blanks();
  EXPECT_TRUE(in.done());
  in.skip_blanks();
  EXPECT_EQ(in.word(), std::nullopt);
}

}  // namespace
}  // namespace base

#include "cgroup/parse.h"

#include <limits>

#include <gmock/gmock.h>

#include "tests/support/fake_cgroup.h"

namespace {

using namespace std::chrono_literals;
using cgroup::Counters;
using cgroup::Limit;
using support::must;

constexpr auto kLargest = std::numeric_limits<std::uint64_t>::max();

std::string error_of(const auto& result) {
  return result ? "no error" : result.error().message;
}

struct LimitCase {
  const char* name;
  std::string_view text;
  std::optional<Limit> value;
  const char* error = "";
};
class ParseLimit : public ::testing::TestWithParam<LimitCase> {};

TEST_P(ParseLimit, ReadsTheWholeText) {
  const auto& row = GetParam();
  const auto parsed = cgroup::parse_limit(row.text);
  if (row.value) {
    EXPECT_EQ(must(parsed), *row.value);
  } else {
    EXPECT_EQ(error_of(parsed), row.error);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ParseLimit,
    ::testing::Values(LimitCase{"Typical", "1073741824\n", Limit{1073741824}}, LimitCase{"Max", "max\n", Limit{}},
                      LimitCase{"Zero", "0\n", Limit{0}}, LimitCase{"WithoutNewline", "4096", Limit{4096}},
                      LimitCase{"Largest", "18446744073709551615\n", Limit{kLargest}},
                      LimitCase{"Overflow",
                                "18446744073709551616\n",
                                {},
                                "expected a number below 2^64 or 'max', got '18446744073709551616'"},
                      LimitCase{"Empty", "", {}, "expected a number below 2^64 or 'max', got ''"},
                      LimitCase{"OnlyNewline", "\n", {}, "expected a number below 2^64 or 'max', got ''"},
                      LimitCase{"Negative", "-1\n", {}, "expected a number below 2^64 or 'max', got '-1'"},
                      LimitCase{"Plus", "+1\n", {}, "expected a number below 2^64 or 'max', got '+1'"},
                      LimitCase{"Unit", "12 kB\n", {}, "expected a number below 2^64 or 'max', got '12 kB'"},
                      LimitCase{"TwoLines", "1\n2\n", {}, "expected a number below 2^64 or 'max', got '1\\x0a2'"},
                      LimitCase{"Max2", "maximum\n", {}, "expected a number below 2^64 or 'max', got 'maximum'"},
                      LimitCase{"Terminal", "\x1b[2J", {}, "expected a number below 2^64 or 'max', got '\\x1b[2J'"}),
    [](const auto& row) { return row.param.name; });

TEST(ParseCount, TakesNumbersOnly) {
  EXPECT_EQ(must(cgroup::parse_count("4096\n")), 4096U);
  EXPECT_EQ(must(cgroup::parse_count("0")), 0U);
  EXPECT_EQ(error_of(cgroup::parse_count("max\n")), "expected a number below 2^64, got 'max'");
  EXPECT_EQ(error_of(cgroup::parse_count("18446744073709551616")),
            "expected a number below 2^64, got '18446744073709551616'");
}

TEST(ParseCounters, KeepsOrderAndUnknownNames) {
  EXPECT_EQ(must(cgroup::parse_counters("anon 4096\nnever_heard_of 7\nfile 18446744073709551615\n")),
            (Counters{{"anon", 4096}, {"never_heard_of", 7}, {"file", kLargest}}));
  EXPECT_EQ(must(cgroup::parse_counters("")), Counters{});
  EXPECT_EQ(must(cgroup::parse_counters("anon 1")), (Counters{{"anon", 1}}));
}

TEST(ParseCounters, FindsByName) {
  const Counters counters{{"anon", 1}, {"anon_thp", 2}};
  EXPECT_EQ(cgroup::find(counters, "anon_thp"), 2U);
  EXPECT_EQ(cgroup::find(counters, "ano"), std::nullopt);
}

struct BadCounters {
  const char* name;
  std::string_view text;
  const char* error;
};
class ParseBadCounters : public ::testing::TestWithParam<BadCounters> {};
TEST_P(ParseBadCounters, NamesTheLine) {
  EXPECT_EQ(error_of(cgroup::parse_counters(GetParam().text)), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(
    All, ParseBadCounters,
    ::testing::Values(BadCounters{"Torn", "anon 4096\nfile", "line 2: expected 'name number', got 'file'"},
                      BadCounters{"TornAfterBlank", "anon 4096\nfile ", "line 2: expected 'name number', got 'file '"},
                      BadCounters{"Negative", "anon -1\n", "line 1: expected 'name number', got 'anon -1'"},
                      BadCounters{"Overflow", "anon 18446744073709551616\n",
                                  "line 1: expected 'name number', got 'anon 18446744073709551616'"},
                      BadCounters{"Trailing", "anon 1 2\n", "line 1: expected 'name number', got 'anon 1 2'"},
                      BadCounters{"TwoBlanks", "anon  1\n", "line 1: expected 'name number', got 'anon  1'"},
                      BadCounters{"EmptyLine", "anon 1\n\nfile 2\n", "line 2: expected 'name number', got ''"},
                      BadCounters{"NoName", " 1\n", "line 1: expected 'name number', got ' 1'"},
                      BadCounters{"NullByte", std::string_view("anon 1\0\n", 8),
                                  "line 1: expected 'name number', got 'anon 1\\x00'"}),
    [](const auto& row) { return row.param.name; });

TEST(ParseMemoryEvents, ReadsEveryKernelsFields) {
  const auto old = must(cgroup::parse_memory_events("low 0\nhigh 12\nmax 35\noom 1\noom_kill 1\n"));
  EXPECT_EQ(old, (cgroup::MemoryEvents{.low = 0, .high = 12, .max = 35, .oom = 1, .oom_kill = 1}));
  const auto latest = must(
      cgroup::parse_memory_events("low 0\nhigh 0\nmax 1\noom 1\noom_kill 2\noom_group_kill 1\nsock_throttled 3\n"));
  EXPECT_EQ(latest.oom_group_kill, 1U);
  EXPECT_EQ(latest.other, (Counters{{"sock_throttled", 3}}));
  EXPECT_EQ(must(cgroup::parse_memory_events("")), cgroup::MemoryEvents{});
  EXPECT_EQ(error_of(cgroup::parse_memory_events("low 0\nhigh\n")), "line 2: expected 'name number', got 'high'");
}

TEST(ParseSwapEvents, ReadsEveryKernelsFields) {
  EXPECT_EQ(must(cgroup::parse_swap_events("max 3\nfail 19\n")), (cgroup::SwapEvents{.max = 3, .fail = 19}));
  EXPECT_EQ(must(cgroup::parse_swap_events("high 1\nmax 3\nfail 19\nnew 1\n")),
            (cgroup::SwapEvents{.high = 1, .max = 3, .fail = 19, .other = {{"new", 1}}}));
}

TEST(ParsePressure, ReadsBothLines) {
  const auto pressure = must(cgroup::parse_pressure(
      "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459\nfull avg10=100.00 avg60=0.13 avg300=0.96 total=0\n"));
  EXPECT_EQ(pressure.some, (cgroup::PressureLine{0.22, 0.17, 1.11, 58761459us}));
  EXPECT_EQ(pressure.full, (cgroup::PressureLine{100, 0.13, 0.96, 0us}));
}

TEST(ParsePressure, SkipsUnknownKeysAndTakesOneLine) {
  const auto pressure = must(cgroup::parse_pressure("some total=5 avg1=9 avg10=1.00 avg60=2.00 avg300=3.00\n"));
  EXPECT_EQ(pressure.some, (cgroup::PressureLine{1, 2, 3, 5us}));
  EXPECT_EQ(pressure.full, std::nullopt);
}

struct BadPressure {
  const char* name;
  std::string_view text;
  const char* error;
};
class ParseBadPressure : public ::testing::TestWithParam<BadPressure> {};
TEST_P(ParseBadPressure, NamesTheLine) {
  EXPECT_EQ(error_of(cgroup::parse_pressure(GetParam().text)), GetParam().error);
}
INSTANTIATE_TEST_SUITE_P(
    All, ParseBadPressure,
    ::testing::Values(
        BadPressure{"Torn", "some avg10=0.00 avg60=0.00",
                    "line 1: expected 'avg10=N.NN avg60=N.NN avg300=N.NN total=N', got 'avg10=0.00 avg60=0.00'"},
        BadPressure{"NoPair", "some avg10=0.00 what",
                    "line 1: expected 'avg10=N.NN avg60=N.NN avg300=N.NN total=N', got 'avg10=0.00 what'"},
        BadPressure{"Negative", "some avg10=-1 avg60=0 avg300=0 total=0",
                    "line 1: expected avg10= with a percentage, got 'avg10=-1'"},
        BadPressure{"NotANumber", "some avg10=nan avg60=0 avg300=0 total=0",
                    "line 1: expected avg10= with a percentage, got 'avg10=nan'"},
        BadPressure{"Overflow", "some avg10=0 avg60=0 avg300=0 total=9223372036854775808",
                    "line 1: expected total= with a number of microseconds, got 'total=9223372036854775808'"},
        BadPressure{"Other", "aggr 12\n",
                    "line 1: expected a line that begins with 'some ' or 'full ', got 'aggr 12'"}),
    [](const auto& row) { return row.param.name; });

TEST(ParseCgroupEvents, ReadsFlags) {
  EXPECT_EQ(must(cgroup::parse_cgroup_events("populated 1\nfrozen 0\n")),
            (cgroup::CgroupEvents{.populated = true, .frozen = false}));
  EXPECT_EQ(must(cgroup::parse_cgroup_events("populated 0\nnew 17\n")), (cgroup::CgroupEvents{.populated = false}));
  EXPECT_EQ(error_of(cgroup::parse_cgroup_events("populated 2\n")), "expected populated 0 or 1, got 'populated 2'");
}

TEST(ParseNumaStat, ReadsNodesOfARow) {
  const auto rows = must(cgroup::parse_numa_stat("anon N0=4096 N3=0\nfile N0=1\n"));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0], (cgroup::NumaRow{"anon", {{0, 4096}, {3, 0}}}));
  EXPECT_EQ(must(cgroup::parse_numa_stat("")).size(), 0U);
  for (const std::string text :
       {"anon", "anon ", "anon 0=1", "anon N0", "anon N0=", "anon N0=-1", "anon N0=1 ", "anon N0=1x"}) {
    EXPECT_EQ(error_of(cgroup::parse_numa_stat(text)),
              "line 1: expected 'name N0=bytes N1=bytes ...', got '" + text + "'");
  }
}

}  // namespace

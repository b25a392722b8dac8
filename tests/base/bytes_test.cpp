#include "base/bytes.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/case_name.h"

namespace base {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

struct SizeCase {
  std::string_view name, text;
  std::optional<std::uint64_t> bytes;
  std::uint64_t total_bytes = 0;
};

class ParseSize : public testing::TestWithParam<SizeCase> {};

TEST_P(ParseSize, ReadsOrRefuses) {
  const auto result = parse_size(GetParam().text, GetParam().total_bytes);
  ASSERT_EQ(result.has_value(), GetParam().bytes.has_value());
  if (result) {
    EXPECT_EQ(*result, *GetParam().bytes);
  } else {
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseSize,
    testing::Values(
        SizeCase{"zero", "0", 0}, SizeCase{"bytes", "4096", 4096}, SizeCase{"bytes_with_b", "17B", 17},
        SizeCase{"kilo", "1K", 1024}, SizeCase{"mega", "64M", 67108864}, SizeCase{"giga", "2G", 2 * kGiB},
        SizeCase{"tera", "1T", 1024 * kGiB}, SizeCase{"small_letter", "64m", 67108864},
        SizeCase{"mb_is_binary", "64MB", 67108864}, SizeCase{"mib", "64MiB", 67108864},
        SizeCase{"fraction", "1.5G", kGiB + kGiB / 2}, SizeCase{"fraction_of_a_byte", "0.5", 0},
        SizeCase{"leading_zeros", "007", 7}, SizeCase{"percent", "50%", kGiB / 2, kGiB},
        SizeCase{"all_of_it", "100%", kGiB, kGiB}, SizeCase{"largest", "9223372036854775808", 1ULL << 63},
        SizeCase{"one_beyond_largest", "9223372036854775809", {}}, SizeCase{"overflow", "18446744073709551616", {}},
        SizeCase{"overflow_by_unit", "8388608T", 1ULL << 63}, SizeCase{"overflow_by_unit_by_one", "8388609T", {}},
        SizeCase{"overflow_of_fraction", "99999999.5T", {}}, SizeCase{"empty", "", {}}, SizeCase{"unit_only", "M", {}},
        SizeCase{"unknown_unit", "12Q", {}}, SizeCase{"two_units", "12KM", {}}, SizeCase{"negative", "-1", {}},
        SizeCase{"plus", "+1", {}}, SizeCase{"blank_inside", "12 M", {}}, SizeCase{"blank_before", " 12M", {}},
        SizeCase{"newline_after", "12M\n", {}}, SizeCase{"two_points", "1.2.3", {}}, SizeCase{"point_only", ".", {}},
        SizeCase{"hexadecimal", "0x10", {}}, SizeCase{"exponent", "1e6", {}}, SizeCase{"ib_without_letter", "12iB", {}},
        SizeCase{"percent_of_nothing", "50%", {}}, SizeCase{"percent_above_hundred", "101%", {}, kGiB},
        SizeCase{"word", "max", {}}, SizeCase{"nul_inside", std::string_view("1\0M", 3), {}},
        SizeCase{"not_utf8", "1\xffM", {}}),
    tests::kCaseName);

TEST(ParseSizeMessages, NameTheValueAndWhatIsAccepted) {
  EXPECT_EQ(parse_size("12Q").error().message, "'12Q' is not a size: bytes, or a number with K, M, G or T (binary)");
  EXPECT_EQ(parse_size("12Q", kGiB).error().message,
            "'12Q' is not a size: bytes, or a number with K, M, G or T (binary), or N%");
  EXPECT_EQ(parse_size("9223372036854775809").error().message, "'9223372036854775809' is larger than any memory");
  EXPECT_EQ(parse_size("\x1b[31m").error().message,
            "'\\x1b[31m' is not a size: bytes, or a number with K, M, G or T (binary)");
}

struct DurationCase {
  std::string_view name, text;
  std::optional<std::chrono::nanoseconds> value;
};

class ParseDuration : public testing::TestWithParam<DurationCase> {};

TEST_P(ParseDuration, ReadsOrRefuses) {
  const auto result = parse_duration(GetParam().text);
  ASSERT_EQ(result.has_value(), GetParam().value.has_value());
  if (result) {
    EXPECT_EQ(*result, *GetParam().value);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseDuration,
    testing::Values(DurationCase{"milliseconds", "250ms", 250ms}, DurationCase{"seconds", "3s", 3s},
                    DurationCase{"bare_is_seconds", "3", 3s}, DurationCase{"minutes", "2m", 2min},
                    DurationCase{"minutes_long", "2min", 2min}, DurationCase{"hours", "1h", 1h},
                    DurationCase{"microseconds", "5us", 5us}, DurationCase{"fraction", "1.5s", 1500ms},
                    DurationCase{"zero", "0", 0s}, DurationCase{"ten_years", "87600h", 87600h},
                    DurationCase{"over_ten_years", "87601h", {}}, DurationCase{"huge", "1e300", {}},
                    DurationCase{"many_digits", "99999999999999999999", {}}, DurationCase{"negative", "-1s", {}},
                    DurationCase{"empty", "", {}}, DurationCase{"unit_only", "ms", {}},
                    DurationCase{"unknown_unit", "3d", {}}, DurationCase{"blank", "3 s", {}},
                    DurationCase{"infinite", "inf", {}}, DurationCase{"not_a_number", "nan", {}}),
    tests::kCaseName);

TEST(ParseDurationMessages, NameTheValueAndWhatIsAccepted) {
  EXPECT_EQ(parse_duration("3d").error().message, "'3d' is not a duration such as 250ms, 3s or 2m");
  EXPECT_EQ(parse_duration("87601h").error().message, "'87601h' is longer than ten years");
}

TEST(HumanSize, HasAtMostOneDecimal) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(17), "17 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1 KiB");
  EXPECT_EQ(human_size(1536), "1.5 KiB");
  EXPECT_EQ(human_size(67108864), "64 MiB");
  EXPECT_EQ(human_size(67108864 - 1), "64 MiB");
  EXPECT_EQ(human_size(kGiB - 1), "1 GiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16 EiB");
}

TEST(HumanDuration, PicksTheUnit) {
  EXPECT_EQ(human_duration(0), "0 us");
  EXPECT_EQ(human_duration(0.0000123), "12 us");
  EXPECT_EQ(human_duration(0.0123), "12.3 ms");
  EXPECT_EQ(human_duration(0.9996), "1 s");
  EXPECT_EQ(human_duration(1.234), "1.23 s");
  EXPECT_EQ(human_duration(99.96), "1 min 40 s");
  EXPECT_EQ(human_duration(200), "3 min 20 s");
  EXPECT_EQ(human_duration(7260), "2 h 1 min");
  EXPECT_EQ(human_duration(-1.5), "-1.5 s");
}

}  // namespace
}  // namespace base

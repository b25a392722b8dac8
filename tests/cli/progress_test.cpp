#include "cli/progress.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

struct LineCase {
  const char* name;
  ProgressFacts facts;
  std::size_t width;
  const char* line;
};

class Lines : public testing::TestWithParam<LineCase> {};

TEST_P(Lines, SayWhatMattersInTheWidth) {
  const auto line = progress_line(GetParam().facts, GetParam().width);
  EXPECT_EQ(line, GetParam().line);
  EXPECT_LE(line.size(), GetParam().width);
}

const ProgressFacts kBusy{.level_bytes = 48 * kMib,
                          .limit_bytes = 64 * kMib,
                          .rate = 20.0 * kMib,
                          .stalled_share = 0.124,
                          .max_events = 35,
                          .high_events = 2,
                          .reclaimed_bytes = 12 * kMib,
                          .swap_bytes = 3 * kMib,
                          .seconds = 1.2};

INSTANTIATE_TEST_SUITE_P(
    Table, Lines,
    testing::Values(
        LineCase{
            "begin", {.level_bytes = 0, .limit_bytes = 64 * kMib}, 80, "0 B [....................] of 64 MiB  0 us"},
        LineCase{"without_limit", {.level_bytes = kMib, .rate = 0.0, .seconds = 3}, 80, "1 MiB  +0 B/s  3 s"},
        LineCase{"wide", kBusy, 120,
                 "48 MiB [###############.....] of 64 MiB  +20 MiB/s  PSI 12 %  max 35  high 2  swap 3 MiB  "
                 "reclaimed 12 MiB  1.2 s"},
        LineCase{"narrow", kBusy, 70, "48 MiB [###############.....] of 64 MiB  +20 MiB/s  PSI 12 %  max 35"},
        LineCase{"very_narrow", kBusy, 20, "48 MiB [############"},
        LineCase{"falling", {.level_bytes = kMib, .rate = -2048.0, .seconds = 1}, 80, "1 MiB  -2 KiB/s  1 s"},
        LineCase{"over_the_limit",
                 {.level_bytes = 70 * kMib, .limit_bytes = 64 * kMib, .seconds = 1},
                 80,
                 "70 MiB [####################] of 64 MiB  1 s"},
        LineCase{"limit_of_nothing", {.level_bytes = 0, .limit_bytes = 0, .seconds = 1}, 80, "0 B  1 s"},
        LineCase{"kill", {.level_bytes = kMib, .kills = 2, .seconds = 1}, 80, "1 MiB  KILLED 2  1 s"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace cli

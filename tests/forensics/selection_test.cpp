#include "forensics/selection.h"

#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kHour = 3600, kDay = 86400;

std::int64_t at(int year, unsigned month, unsigned day, std::int64_t hour = 0, std::int64_t minute = 0,
                std::int64_t second = 0) {
  const std::chrono::sys_days date{std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)};
  return std::int64_t{date.time_since_epoch().count()} * kDay + hour * kHour + minute * 60 + second;
}

// Friday afternoon in Berlin.
const Moment kNow{.clock_s = at(2025, 11, 21, 15, 30), .ahead_s = kHour};

struct MomentCase {
  const char* name;
  std::string text;
  std::optional<Moment> moment;
};

class ParseMoment : public ::testing::TestWithParam<MomentCase> {};

TEST_P(ParseMoment, ReadsWhatUsersWrite) {
  const auto moment = parse_moment(GetParam().text, kNow);
  if (!GetParam().moment) {
    ASSERT_FALSE(moment);
    EXPECT_EQ(moment.error().kind, base::ErrorKind::usage);
    EXPECT_THAT(moment.error().message, HasSubstr("is not a time such as 2025-11-21,"));
    return;
  }
  ASSERT_TRUE(moment) << moment.error().message;
  EXPECT_EQ(moment->clock_s, GetParam().moment->clock_s);
  EXPECT_EQ(moment->ahead_s, GetParam().moment->ahead_s);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseMoment,
    ::testing::Values(
        MomentCase{"date", "2025-11-20", Moment{at(2025, 11, 20), {}}},
        MomentCase{"date_and_minute", "2025-11-20 14:22", Moment{at(2025, 11, 20, 14, 22), {}}},
        MomentCase{"date_and_second", "2025-11-20 14:22:56", Moment{at(2025, 11, 20, 14, 22, 56), {}}},
        MomentCase{"rfc3339_without_zone", "2025-11-20T14:22:56.75", Moment{at(2025, 11, 20, 14, 22, 56), {}}},
        MomentCase{"rfc3339_utc", "2025-11-20T14:22:56Z", Moment{at(2025, 11, 20, 14, 22, 56), 0}},
        MomentCase{"rfc3339_east", "2025-11-20T14:22:56+05:30", Moment{at(2025, 11, 20, 14, 22, 56), 19800}},
        MomentCase{"rfc3339_west", "2025-11-20T14:22:56-0800", Moment{at(2025, 11, 20, 14, 22, 56), -8 * kHour}},
        MomentCase{"time_of_today", "14:22", Moment{at(2025, 11, 21, 14, 22), {}}},
        MomentCase{"time_with_seconds", "14:22:56", Moment{at(2025, 11, 21, 14, 22, 56), {}}},
        MomentCase{"hours_ago", "2h", Moment{at(2025, 11, 21, 13, 30), kHour}},
        MomentCase{"minutes_ago", "30m ago", Moment{at(2025, 11, 21, 15, 0), kHour}},
        MomentCase{"days_ago", "3d", Moment{at(2025, 11, 18, 15, 30), kHour}},
        MomentCase{"weeks_ago", "1w", Moment{at(2025, 11, 14, 15, 30), kHour}},
        MomentCase{"yesterday", "yesterday", Moment{at(2025, 11, 20), {}}},
        MomentCase{"today", "today", Moment{at(2025, 11, 21), {}}}, MomentCase{"now", "now", kNow},
        MomentCase{"leap_day", "2024-02-29", Moment{at(2024, 2, 29), {}}}, MomentCase{"no_leap_day", "2025-02-29", {}},
        MomentCase{"month_13", "2025-13-01", {}}, MomentCase{"hour_24", "24:00", {}}, MomentCase{"empty", "", {}},
        MomentCase{"word", "tomorow", {}}, MomentCase{"bare_number", "2025", {}}, MomentCase{"negative", "-2h", {}},
        MomentCase{"too_long_ago", "99999999999999999w", {}}, MomentCase{"unit_with_tail", "2hours", {}},
        MomentCase{"date_with_tail", "2025-11-20x", {}}, MomentCase{"zone_with_tail", "2025-11-20T14:22:56Zx", {}},
        MomentCase{"no_year", "--11-20T14:22:56", {}}),
    [](const auto& row) { return row.param.name; });

struct RealtimeCase {
  const char* name;
  std::string realtime;
  std::optional<Moment> moment;
  bool year_assumed = false;
};

class ReadRealtime : public ::testing::TestWithParam<RealtimeCase> {};

TEST_P(ReadRealtime, CompletesWhatTheCarrierStates) {
  const auto logged = read_realtime(GetParam().realtime, kNow);
  ASSERT_EQ(logged.has_value(), GetParam().moment.has_value());
  if (logged) {
    EXPECT_EQ(logged->moment.clock_s, GetParam().moment->clock_s);
    EXPECT_EQ(logged->moment.ahead_s, GetParam().moment->ahead_s);
    EXPECT_EQ(logged->year_assumed, GetParam().year_assumed);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReadRealtime,
    ::testing::Values(RealtimeCase{"full", "2025-11-21T14:22:56.789+01:00",
                                   Moment{at(2025, 11, 21, 14, 22, 56), kHour}},
                      RealtimeCase{"this_year", "--11-21T14:22:56", Moment{at(2025, 11, 21, 14, 22, 56), {}}, true},
                      RealtimeCase{"a_clock_ahead", "--11-22T11:00:00", Moment{at(2025, 11, 22, 11), {}}, true},
                      RealtimeCase{"last_year", "--12-31T23:59:59", Moment{at(2024, 12, 31, 23, 59, 59), {}}, true},
                      RealtimeCase{"last_leap_day", "--02-29T00:00:00", Moment{at(2024, 2, 29), {}}, true},
                      RealtimeCase{"no_such_day", "--02-30T00:00:00", {}}, RealtimeCase{"no_date", "T14:22:56", {}},
                      RealtimeCase{"hostile", "--\xff", {}}),
    [](const auto& row) { return row.param.name; });

TEST(IsBefore, ComparesInstantsWhenBothZonesAreKnown) {
  const Moment berlin{.clock_s = at(2025, 11, 21, 15), .ahead_s = kHour};
  const Moment utc{.clock_s = at(2025, 11, 21, 14, 30), .ahead_s = 0};
  const Moment nowhere{.clock_s = at(2025, 11, 21, 14, 30), .ahead_s = {}};
  EXPECT_TRUE(is_before(berlin, utc));
  EXPECT_FALSE(is_before(utc, berlin));
  EXPECT_TRUE(is_before(nowhere, berlin)) << "as the clocks show";
}

// One incident per victim name, at that time, on that host.
Postmortem three() {
  Postmortem document;
  const auto add = [&](const char* comm, Text realtime, Text host) {
    auto& incident = document.incidents.emplace_back();
    incident.victims.push_back({.pid = 1, .comm = comm});
    incident.time = {.monotonic_s = 1, .realtime = std::move(realtime), .host = std::move(host)};
  };
  add("old", "2025-11-19T10:00:00", "web1.example.org");
  add("edge", "2025-11-20T10:00:00", "WEB2");
  add("new", "--11-21T10:00:00", "web10");
  add("timeless", std::nullopt, std::nullopt);
  return document;
}

std::vector<std::string> names(const Postmortem& document) {
  std::vector<std::string> out;
  for (const auto& incident : document.incidents) {
    out.push_back(*incident.victims.front().comm);
  }
  return out;
}

std::vector<std::string> warnings(const Postmortem& document) {
  std::vector<std::string> out;
  for (const auto& warning : document.warnings) {
    out.push_back(warning.code + ": " + warning.message);
  }
  return out;
}

Moment moment(const std::string& text) {
  return parse_moment(text, kNow).value();
}

TEST(Select, KeepsBothEndsAndWhatHasNoTime) {
  auto document = three();
  select(document, {.since = moment("2025-11-20 10:00"), .until = moment("2025-11-20 10:00"), .hosts = {}}, kNow);
  EXPECT_THAT(names(document), ElementsAre("edge", "timeless"));
  EXPECT_THAT(warnings(document),
              ElementsAre("year_assumed: the log does not state the year of 1 incident; taken to be of 2025",
                          "time_unknown: the log does not state the time of day of 1 incident; kept",
                          "not_selected: 2 incidents left out by time or host"));
}

TEST(Select, TakesAnyOfTheHosts) {
  auto document = three();
  select(document, {.since = {}, .until = {}, .hosts = {"web1", "web2"}}, kNow);
  EXPECT_THAT(names(document), ElementsAre("old", "edge", "timeless"));
  EXPECT_THAT(warnings(document), ElementsAre("host_unknown: the log does not state the host of 1 incident; kept",
                                              "not_selected: 1 incident left out by time or host"));
}

TEST(Select, SaysNothingWhenNothingIsAsked) {
  auto document = three();
  select(document, {}, kNow);
  EXPECT_EQ(document.incidents.size(), 4U);
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(Select, WorksOnWhatTheParserReads) {
  const auto log = testing::joined(testing::memcg_report("early", 10), "2025-11-20T10:00:00+01:00 web1 kernel: ") +
                   testing::joined(testing::memcg_report("late", 11), "2025-11-21T10:00:00+01:00 web1 kernel: ");
  auto document = testing::parse_text(log);
  ASSERT_THAT(names(document), ElementsAre("early", "late"));
  select(document, {.since = moment("2025-11-21T08:30:00Z"), .until = {}, .hosts = {}}, kNow);
  EXPECT_THAT(names(document), ElementsAre("late"));
}

}  // namespace
}  // namespace forensics

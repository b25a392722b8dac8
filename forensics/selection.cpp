#include "forensics/selection.h"

#include <algorithm>
#include <chrono>
#include <set>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::int64_t kMinute = 60, kHour = 3600, kDay = 86400, kWeek = 604800;
constexpr std::int64_t kLongestAgo = kDay * 366 * 200;

// Exactly that many digits.
std::optional<int> digits(base::Scanner& in, std::size_t count) {
  const auto text = in.rest().substr(0, count);
  if (text.size() != count || !std::ranges::all_of(text, is_digit)) {
    return std::nullopt;
  }
  (void)in.literal(text);
  return whole_number<int>(text);
}

std::optional<std::int64_t> midnight(int year, int month, int day) {
  const auto date = std::chrono::year(year) / month / day;
  if (!date.ok()) {
    return std::nullopt;
  }
  return std::int64_t{std::chrono::sys_days(date).time_since_epoch().count()} * kDay;
}

std::int64_t midnight_before(std::int64_t clock_s) {
  return clock_s - ((clock_s % kDay) + kDay) % kDay;
}

struct MonthDay {
  int month = 0, day = 0;
};

// "11-21".
std::optional<MonthDay> read_month_day(base::Scanner& in) {
  const auto month = digits(in, 2);
  const bool dash = month && in.literal("-");
  const auto day = dash ? digits(in, 2) : std::nullopt;
  return day ? std::optional(MonthDay{.month = *month, .day = *day}) : std::nullopt;
}

// "14:22", "14:22:56", "14:22:56.789": seconds since midnight; what is less than a second is left out.
std::optional<std::int64_t> read_clock_s(base::Scanner& in) {
  const auto hour = digits(in, 2);
  const bool colon = hour && in.literal(":");
  const auto minute = colon ? digits(in, 2) : std::nullopt;
  if (!minute || *hour > 23 || *minute > 59) {
    return std::nullopt;
  }
  int second = 0;
  if (in.literal(":")) {
    const auto read = digits(in, 2);
    if (!read || *read > 60) {
      return std::nullopt;
    }
    second = *read;
    if (in.literal(".")) {
      while (digits(in, 1)) {
      }
    }
  }
  return *hour * kHour + *minute * kMinute + second;
}

// "Z", "+02:00", "-0530" or nothing at all; false for anything else.
bool read_zone(base::Scanner& in, std::optional<std::int64_t>& ahead_s) {
  if (in.literal("Z") || in.literal("z")) {
    ahead_s = 0;
    return in.done();
  }
  const bool east = in.literal("+");
  if (east || in.literal("-")) {
    const auto hours = digits(in, 2);
    (void)in.literal(":");
    const auto minutes = digits(in, 2);
    if (!hours || !minutes || *hours > 23 || *minutes > 59) {
      return false;
    }
    ahead_s = (east ? 1 : -1) * (*hours * kHour + *minutes * kMinute);
  }
  return in.done();
}

// "2025-11-21", "2025-11-21 14:22", "2025-11-21T14:22:56.789+02:00".
std::optional<Moment> read_date(std::string_view text) {
  base::Scanner in(text);
  const auto year = digits(in, 4);
  const bool dash = year && in.literal("-");
  const auto date = dash ? read_month_day(in) : std::nullopt;
  const auto day = date ? midnight(*year, date->month, date->day) : std::nullopt;
  if (!day || in.done()) {
    return day ? std::optional(Moment{.clock_s = *day, .ahead_s = {}}) : std::nullopt;
  }
  if (!in.literal("T") && !in.literal("t") && !in.literal(" ")) {
    return std::nullopt;
  }
  const auto clock = read_clock_s(in);
  Moment moment;
  if (!clock || !read_zone(in, moment.ahead_s)) {
    return std::nullopt;
  }
  moment.clock_s = *day + *clock;
  return moment;
}

// "2h", "30m", "3d ago".
std::optional<Moment> read_ago(std::string_view text, const Moment& now) {
  base::Scanner in(text);
  const auto count = in.number<std::int64_t>();
  if (!count || *count < 0) {
    return std::nullopt;
  }
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"s", 1}, {"m", kMinute}, {"h", kHour}, {"d", kDay}, {"w", kWeek}};
  for (const auto& [name, seconds] : kUnits) {
    if (in.literal(name)) {
      (void)in.literal(" ago");
      if (!in.done() || *count > kLongestAgo / seconds) {
        return std::nullopt;
      }
      return Moment{.clock_s = now.clock_s - *count * seconds, .ahead_s = now.ahead_s};
    }
  }
  return std::nullopt;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

bool is_host(std::string_view host, std::string_view wanted) {
  const auto seen = lower(host);
  const auto name = lower(wanted);
  return seen == name || (seen.starts_with(name) && seen[name.size()] == '.');
}

enum class Judgement { keep, drop, unknown };

Judgement by_host(const Incident& incident, const Selection& selection) {
  if (selection.hosts.empty()) {
    return Judgement::keep;
  }
  if (!incident.time.host) {
    return Judgement::unknown;
  }
  const bool wanted =
      std::ranges::any_of(selection.hosts, [&](const std::string& host) { return is_host(*incident.time.host, host); });
  return wanted ? Judgement::keep : Judgement::drop;
}

Judgement by_time(const std::optional<LoggedMoment>& logged, const Selection& selection) {
  if (!selection.since && !selection.until) {
    return Judgement::keep;
  }
  if (!logged) {
    return Judgement::unknown;
  }
  const bool out = (selection.since && is_before(logged->moment, *selection.since)) ||
                   (selection.until && is_before(*selection.until, logged->moment));
  return out ? Judgement::drop : Judgement::keep;
}

std::string incidents(std::uint64_t count) {
  return count == 1 ? "1 incident" : fmt::format("{} incidents", count);
}

int year_of(const Moment& moment) {
  using std::chrono::sys_days, std::chrono::days;
  const auto day = midnight_before(moment.clock_s) / kDay;
  return static_cast<int>(std::chrono::year_month_day(sys_days(days(day))).year());
}

}  // namespace

base::Result<Moment> parse_moment(std::string_view text, const Moment& now) {
  const auto today = midnight_before(now.clock_s);
  if (text == "now") {
    return now;
  }
  if (text == "today" || text == "yesterday") {
    return Moment{.clock_s = text == "today" ? today : today - kDay, .ahead_s = {}};
  }
  base::Scanner in(text);
  if (const auto clock = read_clock_s(in); clock && in.done()) {
    return Moment{.clock_s = today + *clock, .ahead_s = {}};
  }
  if (const auto moment = read_date(text)) {
    return *moment;
  }
  if (const auto moment = read_ago(text, now)) {
    return *moment;
  }
  return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not a time such as 2025-11-21, '2025-11-21 14:22:56', "
                                                        "2025-11-21T14:22:56+02:00, 14:22, 2h (ago), yesterday",
                                                        base::escape_terminal(text)));
}

std::optional<LoggedMoment> read_realtime(std::string_view realtime, const Moment& now) {
  base::Scanner in(realtime);
  if (!in.literal("--")) {
    const auto moment = read_date(realtime);
    return moment ? std::optional(LoggedMoment{.moment = *moment}) : std::nullopt;
  }
  const auto date = read_month_day(in);
  const auto clock = date && in.literal("T") ? read_clock_s(in) : std::nullopt;
  LoggedMoment logged{.moment = {}, .year_assumed = true};
  if (!clock || !read_zone(in, logged.moment.ahead_s)) {
    return std::nullopt;
  }
  const Moment latest{.clock_s = now.clock_s + kDay, .ahead_s = now.ahead_s};
  const int this_year = year_of(latest);
  constexpr int kLeapYears = 8;  // at most so far apart (1896, 1904)
  for (int year = this_year; year >= this_year - kLeapYears; --year) {
    if (const auto day = midnight(year, date->month, date->day)) {
      logged.moment.clock_s = *day + *clock;
      if (!is_before(latest, logged.moment)) {
        return logged;
      }
    }
  }
  return std::nullopt;
}

bool is_before(const Moment& a, const Moment& b) {
  return a.ahead_s && b.ahead_s ? a.clock_s - *a.ahead_s < b.clock_s - *b.ahead_s : a.clock_s < b.clock_s;
}

void select(Postmortem& document, const Selection& selection, const Moment& now) {
  std::uint64_t dropped = 0, no_time = 0, no_host = 0, no_year = 0;
  std::set<int> years;
  std::erase_if(document.incidents, [&](const Incident& incident) {
    const auto host = by_host(incident, selection);
    const auto logged = incident.time.realtime ? read_realtime(*incident.time.realtime, now) : std::nullopt;
    const auto time = by_time(logged, selection);
    if (logged && logged->year_assumed && host != Judgement::drop && (selection.since || selection.until)) {
      ++no_year;
      years.insert(year_of(logged->moment));
    }
    if (host == Judgement::drop || time == Judgement::drop) {
      ++dropped;
      return true;
    }
    no_host += host == Judgement::unknown ? 1 : 0;
    no_time += time == Judgement::unknown ? 1 : 0;
    return false;
  });
  const auto warn = [&](std::string code, std::string message) {
    document.warnings.push_back(
        {.code = std::move(code), .message = std::move(message), .input = std::nullopt, .line = std::nullopt});
  };
  if (no_year > 0) {
    warn("year_assumed", fmt::format("the log does not state the year of {}; taken to be of {}", incidents(no_year),
                                     fmt::join(years, ", ")));
  }
  if (no_time > 0) {
    warn("time_unknown", fmt::format("the log does not state the time of day of {}; kept", incidents(no_time)));
  }
  if (no_host > 0) {
    warn("host_unknown", fmt::format("the log does not state the host of {}; kept", incidents(no_host)));
  }
  if (dropped > 0) {
    warn("not_selected", fmt::format("{} left out by time or host", incidents(dropped)));
  }
}

}  // namespace forensics

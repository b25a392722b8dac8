#include "forensics/stamp.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics {
namespace {

struct Month {
  int number;
  std::string_view names;  // blank-separated, lower case; a name stands for all words that begin with it
};

// Abbreviations of glibc's locales, without what two languages read differently.
constexpr Month kMonths[] = {
    {1, "jan jän ene gen sty led янв janv 1月 oca"},
    {2, "feb fév fev fév lut úno фев febr 2月 şub"},
    {3, "mar mär mrt bře мар mrz mars 3月"},
    {4, "apr avr abr kwi dub апр avril 4月 nis"},
    {5, "may mai mag mei maj kvě мая май mayo 5月"},
    {6, "jun giu cze čen июн juin 6月 haz"},
    {7, "jul lug lip čec июл juil 7月 tem"},
    {8, "aug ago sie srp авг aoû aou 8月 ağu"},
    {9, "sep set wrz zář сен sept 9月 eyl"},
    {10, "oct okt ott out paź říj окт 10月 eki"},
    {11, "nov lis ноя 11月 kas"},
    {12, "dec dez dic déc gru pro дек 12月 ara"},
};

std::string lower_ascii(std::string_view word) {
  std::string out(word);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') {
      c = static_cast<char>(c - 'A' + 'a');
    }
  }
  return out;
}

bool two_digits(std::string_view& text, int& into) {
  if (text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1])) {
    return false;
  }
  into = (text[0] - '0') * 10 + (text[1] - '0');
  text.remove_prefix(2);
  return true;
}

std::string_view read_digits(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && is_digit(text[length])) {
    ++length;
  }
  const auto digits = text.substr(0, length);
  text.remove_prefix(length);
  return digits;
}

// Bytes of a word in any script: letters, bytes of UTF-8, a point.
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::string to_text(const WallTime& time) {
  std::string out;
  if (time.month != 0) {
    out = time.year != 0 ? fmt::format("{:04}-{:02}-{:02}", time.year, time.month, time.day)
                         : fmt::format("--{:02}-{:02}", time.month, time.day);
  }
  out += 'T';
  out += fmt::format("{:02}:{:02}:{:02}", time.hour, time.minute, time.second);
  if (!time.fraction.empty()) {
    out += fmt::format(".{}", time.fraction);
  }
  if (time.zone == "Z" || time.zone == "UTC" || time.zone == "GMT") {
    out += 'Z';
  } else if (time.zone.size() == 5 && (time.zone[0] == '+' || time.zone[0] == '-')) {
    out += fmt::format("{}:{}", time.zone.substr(0, 3), time.zone.substr(3));
  } else if (time.zone.size() == 6 && time.zone[3] == ':') {
    out += time.zone;
  }
  return out;
}

std::int64_t to_seconds(const WallTime& time) {
  // A year of the same length for all: only differences within one carrier matter.
  const auto date =
      std::chrono::year(time.year != 0 ? time.year : 2000) / std::max(time.month, 1) / std::max(time.day, 1);
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const auto minutes = std::int64_t{time.hour} * 60 + time.minute;
  return std::int64_t{days} * 86400 + minutes * 60 + time.second;
}

std::int64_t passed_seconds(std::int64_t from, const WallTime& to) {
  constexpr std::int64_t kDay = 86400;
  constexpr std::int64_t kYear = 366 * kDay;  // of 2000, which stands for every year
  const auto passed = to_seconds(to) - from;
  if (to.year != 0) {
    return passed;
  }
  const auto period = to.month != 0 ? kYear : kDay;
  const auto around = (passed % period + period) % period;
  return around > period / 2 ? around - period : around;
}

std::optional<double> read_kernel_stamp(std::string_view& text) {
  base::Scanner in(text);
  if (!in.literal("[")) {
    return std::nullopt;
  }
  in.skip_blanks();
  const auto seconds = in.number<std::uint64_t>();
  if (!seconds || !in.literal(".")) {
    return std::nullopt;
  }
  auto rest = in.rest();
  const auto digits = read_digits(rest);
  if (digits.size() < 3 || digits.size() > 9) {
    return std::nullopt;
  }
  if (rest.starts_with(',') || rest.starts_with('@')) {  // Motorola, MediaTek, Amlogic: the CPU
    rest.remove_prefix(1);
    (void)read_digits(rest);
  }
  if (rest.starts_with(" <")) {  // dmesg -d
    const auto close = rest.find('>');
    if (close == std::string_view::npos || close > 24) {
      return std::nullopt;
    }
    rest.remove_prefix(close + 1);
  }
  if (!rest.starts_with(']')) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  }
  // What was written as one number divided once is the double that is nearest to it, up to 2^53.
  std::uint64_t fraction = 0, scale = 1;
  for (const char digit : digits) {
    fraction = fraction * 10 + static_cast<std::uint64_t>(digit - '0');
    scale *= 10;
  }
  constexpr std::uint64_t kYears = 100'000'000;  // three, in seconds
  text = rest;
  return *seconds < kYears ? static_cast<double>(*seconds * scale + fraction) / static_cast<double>(scale)
                           : static_cast<double>(*seconds) + static_cast<double>(fraction) / static_cast<double>(scale);
}

std::string_view read_caller(std::string_view& text) {
  base::Scanner in(text);
  if (!in.literal("[")) {
    return {};
  }
  in.skip_blanks();
  const auto start = in.rest();
  if (!in.literal("T") && !in.literal("C")) {
    return {};
  }
  if (!in.number<std::uint64_t>()) {
    return {};
  }
  const auto caller = start.substr(0, start.size() - in.rest().size());
  if (!in.literal("]")) {
    return {};
  }
  (void)in.literal(" ");
  text = in.rest();
  return caller;
}

std::optional<int> read_priority(std::string_view& text) {
  base::Scanner in(text);
  if (!in.literal("<")) {
    return std::nullopt;
  }
  const auto priority = in.number<int>();
  if (!priority || *priority < 0 || *priority > 1023 || !in.literal(">")) {
    return std::nullopt;
  }
  text = in.rest();
  return priority;
}

bool read_clock(std::string_view& text, WallTime& into) {
  auto rest = text;
  const bool read = two_digits(rest, into.hour) && rest.starts_with(':') &&
                    (rest.remove_prefix(1), two_digits(rest, into.minute)) && rest.starts_with(':') &&
                    (rest.remove_prefix(1), two_digits(rest, into.second));
  if (!read || into.hour > 23 || into.minute > 59 || into.second > 60) {
    return false;
  }
  if ((rest.starts_with('.') || rest.starts_with(',')) && rest.size() > 1 && is_digit(rest[1])) {
    rest.remove_prefix(1);
    into.fraction = read_digits(rest);
  }
  text = rest;
  return true;
}

int month_number(std::string_view word) {
  constexpr std::string_view kEnglish = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (word.size() == 3) {
    for (std::size_t at = 0; at < kEnglish.size(); at += 3) {
      if (word[0] == kEnglish[at] && word[1] == kEnglish[at + 1] && word[2] == kEnglish[at + 2]) {
        return static_cast<int>(at / 3) + 1;
      }
    }
  }
  const auto wanted = lower_ascii(word);
  for (const auto& month : kMonths) {
    std::string_view names = month.names;
    while (!names.empty()) {
      const auto end = std::min(names.find(' '), names.size());
      if (wanted.starts_with(names.substr(0, end))) {
        return month.number;
      }
      names.remove_prefix(std::min(end + 1, names.size()));
    }
  }
  return 0;
}

namespace {

// "Oct", "10月", "12", "12.", "Fri", "Fri,", "2015": a word of a date. False when it is none, or one too many.
bool read_date_word(std::string_view word, WallTime& time) {
  if (word.ends_with('.') || word.ends_with(',')) {
    word.remove_suffix(1);
  }
  if (const auto number = whole_number<int>(word)) {
    auto& part = word.size() == 4 ? time.year : time.day;
    const bool fits = word.size() == 4 ? *number >= 1970 : word.size() <= 2 && *number >= 1 && *number <= 31;
    return fits && part == 0 && (part = *number, true);
  }
  const bool numbered = !word.empty() && is_digit(word[0]) && word.find("月") != std::string_view::npos;  // "10月"
  if (word.size() < 2 || word.size() > 16 || !(numbered || std::ranges::all_of(word, is_word_byte))) {
    return false;
  }
  time.month = month_number(word);  // a weekday comes first and is overwritten
  return true;
}

// " 2015", " UTC 2015" behind the clock, as ctime(3) and date(1) have it.
void read_late_year(std::string_view& text, WallTime& time) {
  auto rest = trim_left(text);
  auto word = rest.substr(0, std::min(rest.find_first_of(" :"), rest.size()));
  const auto zone = word;
  if (word.size() >= 2 && word.size() <= 5 && std::ranges::all_of(word, [](char c) { return c >= 'A' && c <= 'Z'; })) {
    rest = trim_left(rest.substr(word.size()));
    word = rest.substr(0, std::min(rest.find_first_of(" :"), rest.size()));
  }
  const auto year = word.size() == 4 ? whole_number<int>(word) : std::nullopt;
  if (year && *year >= 1970) {
    time.year = *year;
    time.zone = zone.data() != word.data() ? zone : std::string_view{};
    text = rest.substr(word.size());
  }
}

}  // namespace

std::optional<WallTime> read_syslog_time(std::string_view& text) {
  constexpr int kMostWords = 4;
  auto rest = text;
  WallTime time;
  int words = 0, names = 0;
  while (words < kMostWords && (rest.size() <= 2 || !is_digit(rest[0]) || rest[2] != ':')) {
    const auto end = std::min(rest.find(' '), rest.size());
    names += !rest.empty() && is_digit(rest[0]) ? 0 : 1;
    if (names > 2 || !read_date_word(rest.substr(0, end), time)) {
      return std::nullopt;
    }
    rest = trim_left(rest.substr(end));
    ++words;
  }
  if (time.day == 0 || !read_clock(rest, time)) {
    return std::nullopt;
  }
  if (names == 2 && time.year == 0) {
    read_late_year(rest, time);
  }
  text = rest;
  return time;
}

std::optional<WallTime> read_iso_time(std::string_view& text) {
  if (text.empty() || !is_digit(text[0])) {
    return std::nullopt;
  }
  auto rest = text;
  WallTime time;
  const auto year = whole_number<int>(read_digits(rest));
  if (!year || *year < 1970 || *year > 9999 || !rest.starts_with('-')) {
    return std::nullopt;
  }
  time.year = *year;
  rest.remove_prefix(1);
  if (!two_digits(rest, time.month) || !rest.starts_with('-') || (rest.remove_prefix(1), !two_digits(rest, time.day)) ||
      !(rest.starts_with('T') || rest.starts_with(' ')) || time.month < 1 || time.month > 12 || time.day < 1 ||
      time.day > 31) {
    return std::nullopt;
  }
  rest.remove_prefix(1);
  if (!read_clock(rest, time)) {
    return std::nullopt;
  }
  if (rest.starts_with('Z')) {
    time.zone = rest.substr(0, 1);
  } else if (rest.starts_with('+') || rest.starts_with('-')) {
    const auto digits = std::min(rest.find_first_not_of("0123456789:", 1), rest.size());
    if (digits == 5 || digits == 6) {
      time.zone = rest.substr(0, digits);
    }
  }
  rest.remove_prefix(time.zone.size());
  text = rest;
  return time;
}

std::optional<WallTime> read_ctime(std::string_view text) {
  WallTime time;
  bool clock = false;
  while (!(text = trim_left(text)).empty()) {
    const auto end = std::min(text.find_first_of(" \t"), text.size());
    auto word = text.substr(0, end);
    text.remove_prefix(end);
    if (!clock && word.find(':') != std::string_view::npos) {
      clock = read_clock(word, time) && word.empty();
    } else if (const auto number = whole_number<int>(word.ends_with('.') ? word.substr(0, word.size() - 1) : word)) {
      if (*number < 1 || *number > 9999) {
        return std::nullopt;
      }
      (*number > 31 ? time.year : time.day) = *number;
    } else {
      time.month = month_number(word);  // the weekday comes first and is overwritten
    }
  }
  return clock ? std::optional(time) : std::nullopt;
}

WallTime from_epoch_microseconds(std::uint64_t microseconds, std::string& scratch) {
  const std::chrono::sys_time<std::chrono::microseconds> instant{
      std::chrono::microseconds(static_cast<std::int64_t>(microseconds & ~(std::uint64_t{1} << 63)))};
  const auto day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(instant - day);
  WallTime time;
  time.year = static_cast<int>(date.year());
  time.month = static_cast<int>(static_cast<unsigned>(date.month()));
  time.day = static_cast<int>(static_cast<unsigned>(date.day()));
  time.hour = static_cast<int>(clock.hours().count());
  time.minute = static_cast<int>(clock.minutes().count());
  time.second = static_cast<int>(clock.seconds().count());
  scratch = fmt::format("{:06}", clock.subseconds().count());
  time.fraction = scratch;
  time.zone = "Z";
  return time;
}

}  // namespace forensics

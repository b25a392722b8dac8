#include "forensics/glued.h"

#include <algorithm>

#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr double kLater = 60, kEarlier = 1;  // seconds between two lines of one report
constexpr std::string_view kTag = "kernel: ";
constexpr int kMostWords = 6;  // of a syslog line before its tag

// Where "Oct 12 19:00:20 host" begins that ends the text; nothing when it does not end so.
std::optional<std::size_t> begin_of_syslog(std::string_view text) {
  auto at = trim_right(text).size();
  for (int words = 0; words < kMostWords && at > 0; ++words) {
    const auto blank = text.substr(0, at).find_last_of(" \n");
    at = blank == std::string_view::npos ? 0 : blank;
    const auto begin = at + (blank == std::string_view::npos ? 0U : 1U);
    auto syslog = text.substr(begin), iso = syslog;
    const auto time = read_syslog_time(syslog);
    if (time || read_iso_time(iso)) {
      // A day and a clock without their month are a time, too: the month stands before them.
      const auto month = trim_right(text.substr(0, begin));
      const auto word = month.substr(month.find_last_of(" \n") + 1);
      return time && time->month == 0 && month_number(word) != 0
                 ? begin - (text.substr(0, begin).size() - month.size()) - word.size()
                 : begin;
    }
  }
  return std::nullopt;
}

// Without blanks, a "\n" as two characters, and the next line's "Oct 12 19:00:20 host kernel: ".
std::string_view without_next_prefix(std::string_view first) {
  if (first.ends_with(kTag)) {
    const auto before = first.substr(0, first.size() - kTag.size());
    first = first.substr(0, begin_of_syslog(before).value_or(first.size()));
  }
  first = trim_right(first);
  return first.ends_with("\\n") ? first.substr(0, first.size() - 2) : first;
}

std::optional<Glued> at_stamp(std::string_view message, double stamp) {
  for (auto at = message.find('[', 1); at != std::string_view::npos; at = message.find('[', at + 1)) {
    auto rest = message.substr(at);
    const auto next = read_kernel_stamp(rest);
    if (next && *next >= stamp - kEarlier && *next <= stamp + kLater) {
      return Glued{.first = without_next_prefix(message.substr(0, at)), .rest = rest, .monotonic_s = next};
    }
  }
  return std::nullopt;
}

// "[<c01484c4>] <4>cc1 invoked oom-killer: ...": another CPU's line began before the kernel had ended this one.
std::optional<Glued> at_level(std::string_view message, std::optional<double> stamp) {
  constexpr std::string_view kTrigger = "invoked oom-killer: ";  // no blank first: table rows are full of blanks
  const auto trigger = message.find(kTrigger);
  if (trigger == std::string_view::npos || trigger == 0 || message[trigger - 1] != ' ') {
    return std::nullopt;
  }
  const auto open = message.substr(0, trigger).rfind('<');
  if (open == std::string_view::npos || open == 0 || open + 3 >= trigger || !is_digit(message[open + 1]) ||
      message[open + 2] != '>') {
    return std::nullopt;
  }
  return Glued{.first = trim_right(message.substr(0, open)), .rest = message.substr(open + 3), .monotonic_s = stamp};
}

std::optional<Glued> at_tag(std::string_view message) {
  for (auto at = message.find(kTag); at != std::string_view::npos; at = message.find(kTag, at + 1)) {
    if (const auto begin = begin_of_syslog(message.substr(0, at)); begin && *begin > 0) {
      auto rest = message.substr(at + kTag.size());
      const auto stamp = read_kernel_stamp(rest);
      return Glued{.first = trim_right(message.substr(0, *begin)), .rest = rest, .monotonic_s = stamp};
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<Glued> split_glued(std::string_view message, std::optional<double> monotonic_s) {
  if (monotonic_s) {
    if (auto glued = at_stamp(message, *monotonic_s)) {
      return glued;
    }
  }
  if (auto glued = at_tag(message)) {
    return glued;
  }
  return at_level(message, monotonic_s);
}

}  // namespace forensics

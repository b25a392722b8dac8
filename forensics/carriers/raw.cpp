// No carrier at all: the kernel's words, or those after what some logger of its own kind or a poster put in front: a
// time and a level ("20:31:49.738 [warn] text"), a name ("pod/x | [12.345678] text"), a mark ("+[12.345678] text").
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

constexpr std::size_t kFarthest = 80;         // that the kernel's words begin
constexpr std::size_t kFarthestReason = 300;  // of an event of Kubernetes
constexpr int kMostBlanks = 8;                // before them

// "20:31:49.738", "05/01/24": digits with at least two separators, nothing else.
bool is_time_word(std::string_view word) {
  return word.size() >= 6 && is_digit(word[0]) &&
         word.find_first_not_of("0123456789:-./,TZ+") == std::string_view::npos &&
         std::ranges::count_if(word, [](char c) { return c == ':' || c == '-' || c == '/'; }) >= 2;
}

bool is_level_word(std::string_view word) {
  if (word.size() > 2 && word.starts_with('[') && word.ends_with(']')) {
    word = word.substr(1, word.size() - 2);
    return word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:") == std::string_view::npos;
  }
  return word == "kernel:" || word == "kern" || word == "WARN" || word == "INFO" || word == "ERROR" ||
         word == "kern.warn" || word == "kern.info" || word == "kern.err" || word == "kern.warning" ||
         word == "kern.notice" || word == "kern.debug" || word == "kern.crit" || word == "user.warn";
}

// "2015/06/12" is a date; in "05/06/15" the month is not known.
bool read_slashed_date(std::string_view word, WallTime& time) {
  const auto year = whole_number<int>(word.substr(0, 4));
  if (word.size() != 10 || word[4] != '/' || word[7] != '/' || !year) {
    return false;
  }
  time.year = *year;
  time.month = whole_number<int>(word.substr(5, 2)).value_or(0);
  time.day = whole_number<int>(word.substr(8, 2)).value_or(0);
  return time.month >= 1 && time.month <= 12 && time.day >= 1 && time.day <= 31;
}

// One word, or a date and a time, from the front of the text; false when there is none.
bool take_time(std::string_view& text, std::optional<WallTime>& wall) {
  if (auto rest = text; const auto whole = read_iso_time(rest)) {
    if (rest.empty() || rest[0] == ' ' || rest[0] == ':') {
      wall = whole;
      text = rest.substr(rest.starts_with(':') ? 1 : 0);
      return true;
    }
  }
  const auto end = std::min(text.find(' '), text.size());
  auto word = text.substr(0, end);
  if (!is_time_word(word)) {
    return false;
  }
  WallTime time = wall.value_or(WallTime{});
  if (read_slashed_date(word, time) || read_clock(word, time)) {
    wall = time;
  }
  text.remove_prefix(end);
  return true;
}

// Where "kernel: " ends in "host kernel: text", "Oct 12 host kernel: text", "kernel[0]: text": behind a few words that
// are no sentence. 0 when it is not there.
std::size_t kernel_tag_end(std::string_view line) {
  const auto at = std::min(line.find("kernel: "), line.find("kernel[0]: "));
  if (at == std::string_view::npos || at > kFarthest || (at > 0 && line[at - 1] != ' ')) {
    return 0;
  }
  const auto before = line.substr(0, at);
  const bool plain =
      before.find_first_of("\"'{}=;") == std::string_view::npos && before.find(": ") == std::string_view::npos;
  return plain && std::ranges::count(before, ' ') <= kMostBlanks ? line.find(' ', at) + 1 : 0;
}

// "[Fri Apr 19 11:14:27 2019] text", "[2026-01-12T20:27:31.91Z]: text" at the front of the text.
bool read_bracketed_time(std::string_view text, Record& record) {
  constexpr std::size_t kLongest = 40;
  const auto close = text.find(']');
  if (close > kLongest) {
    return false;
  }
  auto inside = text.substr(1, close - 1);
  auto wall = read_iso_time(inside);
  if (!wall || !trim(inside).empty()) {
    wall = read_ctime(text.substr(1, close - 1));
  }
  if (!wall || wall->year == 0) {
    return false;
  }
  text.remove_prefix(close + 1);
  text.remove_prefix(text.starts_with(':') ? 1 : 0);
  record.wall = wall;
  read_kernel_message(text.starts_with(' ') ? text.substr(1) : text, record);
  return true;
}

// Where a stamp of the kernel begins behind what stands in front of it, and with it the kernel's words; 0 when it is
// not there. A name of a process that holds such a stamp is no prefix: no prefix says what these do.
std::size_t stamp_begin(std::string_view line) {
  Record unused;
  for (auto at = line.find('['); at < kFarthest; at = line.find('[', at + 1)) {
    auto rest = line.substr(at);
    if (read_kernel_stamp(rest) || read_bracketed_time(line.substr(at), unused)) {
      auto before = line.substr(0, at);
      before.remove_prefix(before.starts_with("==> ") ? 4 : 0);  // Vagrant's "==> machine: "
      const bool words = before.find_first_of("\"'{}=;()") != std::string_view::npos ||
                         std::ranges::count(before, ' ') > kMostBlanks || before.find("oom") != std::string_view::npos;
      return words ? 0 : at;
    }
  }
  return 0;
}

// "Warning  OOMKilling  node/n1  Memory cgroup out of memory: Killed process 1 (x) ...": an event of Kubernetes, whose
// node problem detector repeats the kernel's line. Where that begins; 0 when it is none.
std::size_t event_message(std::string_view line) {
  constexpr std::string_view kReason = "OOMKilling";
  const auto at = line.find(kReason);
  if (at == std::string_view::npos || at > kFarthestReason || (at > 0 && !is_blank(line[at - 1]))) {
    return 0;
  }
  const auto from = at + kReason.size();
  return std::min(line.find("Memory cgroup out of memory: ", from), line.find("Out of memory: ", from));
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
  if (const auto event = event_message(line); event != 0 && event != std::string_view::npos) {
    record.message = line.substr(event);
    return record;
  }
  record.message = line;
  record.bare = true;
  auto rest = trim_left(line);
  bool timed = false;
  while (true) {
    const auto word = rest.substr(0, std::min(rest.find(' '), rest.size()));
    if (timed && is_level_word(word)) {
      rest.remove_prefix(word.size());
    } else if (!take_time(rest, record.wall)) {
      break;
    }
    timed = true;
    rest.remove_prefix(rest.starts_with(' ') ? 1 : 0);
    record.message = rest;
    record.bare = false;
  }
  if (const auto end = kernel_tag_end(rest); end > 0) {
    record.bare = false;
    read_kernel_message(rest.substr(end), record);
  } else if (const auto begin = stamp_begin(rest); begin > 0 || (timed && rest.starts_with('['))) {
    record.bare = record.bare && begin == 0;
    if (!read_bracketed_time(rest.substr(begin), record)) {
      read_kernel_message(rest.substr(begin), record);
    }
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"Mem-Info:", "Mem-Info:"},
    {"20:31:49.738 [warn] Mem-Info:", "Mem-Info:"},
    {"2024-05-01 12:34:56 node kernel: Mem-Info:", "Mem-Info:"},
    {"2015/06/12 12:34:56 node kernel: Mem-Info:", "Mem-Info:"},
    {"node kernel: Mem-Info:", "Mem-Info:"},
    {"kernel[0]: Mem-Info:", "Mem-Info:"},
    {"... kernel: [430837.193448] Mem-Info:", "Mem-Info:"},
    {"kern.warn: [ 12.345678] Mem-Info:", "Mem-Info:"},
    {"pod/x | [ 12.345678] Mem-Info:", "Mem-Info:"},
    {"+[ 12.345678] Mem-Info:", "Mem-Info:"},
    {"==> node1: [ 12.345678] Mem-Info:", "Mem-Info:"},
    {"#1 [Fri Apr 19 11:14:27 2019] Mem-Info:", "Mem-Info:"},
    {"kern: warning: [2026-01-12T20:27:31.913975631Z]: Mem-Info:", "Mem-Info:"},
    {"3m  Warning  OOMKilling  node/n1  Out of memory: Killed process 7 (x)", "Out of memory: Killed process 7 (x)"},
    {"2024-05-01 12:34:56 kern.warn [ 12.345678] Mem-Info:", "Mem-Info:"},
};

}  // namespace

constinit extern const Carrier raw{
    .summary = "the kernel's words alone",
    .rank = 1000,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

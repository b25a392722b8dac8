// No carrier at all: the kernel's words, or those after a time and a level that some logger of its own kind put in
// front ("20:31:49.738 [warn] text").
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

// "20:31:49.738", "2024-05-01", "05/01/24": digits with at least two separators, nothing else.
bool is_time_word(std::string_view word) {
  return word.size() >= 6 && is_digit(word[0]) &&
         word.find_first_not_of("0123456789:-./,TZ+") == std::string_view::npos &&
         std::ranges::count_if(word, [](char c) { return c == ':' || c == '-' || c == '/'; }) >= 2;
}

bool is_level_word(std::string_view word) {
  if (word.size() > 2 && word.starts_with("[") && word.ends_with("]")) {
    word = word.substr(1, word.size() - 2);
    return word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:") == std::string_view::npos;
  }
  return word == "kernel:" || word == "kern" || word == "WARN" || word == "INFO" || word == "ERROR" ||
         word == "kern.warn" || word == "kern.info" || word == "kern.err" || word == "kern.warning" ||
         word == "kern.notice" || word == "kern.debug" || word == "kern.crit" || word == "user.warn";
}

// "host kernel: text", "Oct 12 host kernel: text": a few words that are no sentence before the kernel's tag.
std::size_t kernel_tag_end(std::string_view line) {
  constexpr std::string_view kTag = "kernel: ";
  constexpr std::size_t kFarthest = 80;
  const auto at = line.find(kTag);
  if (at == std::string_view::npos || at > kFarthest || (at > 0 && line[at - 1] != ' ')) {
    return 0;
  }
  const auto before = line.substr(0, at);
  const bool plain =
      before.find_first_of("\"'{}=;") == std::string_view::npos && before.find(": ") == std::string_view::npos;
  return plain && std::ranges::count(before, ' ') <= 4 ? at + kTag.size() : 0;
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
  record.message = line;
  record.bare = true;
  auto rest = trim_left(line);
  bool timed = false;
  while (true) {
    const auto end = std::min(rest.find(' '), rest.size());
    const auto word = rest.substr(0, end);
    if (!(is_time_word(word) || (timed && is_level_word(word)))) {
      break;
    }
    timed = true;
    auto clock = word;
    WallTime time;
    if (read_clock(clock, time)) {
      record.wall = time;
    }
    rest.remove_prefix(end);
    rest.remove_prefix(rest.starts_with(" ") ? 1 : 0);
    record.message = rest;
    record.bare = false;
  }
  if (const auto end = kernel_tag_end(rest); end > 0) {
    timed = true;
    rest.remove_prefix(end);
    record.message = rest;
    record.bare = false;
  }
  if (timed) {
    if (const auto stamp = read_kernel_stamp(rest)) {
      record.monotonic_s = stamp;
      record.message = rest;
    }
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"Mem-Info:", "Mem-Info:"},
    {"20:31:49.738 [warn] Mem-Info:", "Mem-Info:"},
    {"2024-05-01 12:34:56 node kernel: Mem-Info:", "Mem-Info:"},
    {"node kernel: Mem-Info:", "Mem-Info:"},
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

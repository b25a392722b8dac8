#include "forensics/message_prefix.h"

#include <algorithm>
#include <array>

#include "base/scanner.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kLongestTask = 40;

// "kernel:", "kernel[123]:", "[kernel]" -> kernel; "sshd[12]:" -> sshd; nothing when the word is no tag.
std::optional<std::string_view> as_tag(std::string_view word) {
  if (word == "[kernel]") {  // metalog
    return word.substr(1, 6);
  }
  if (!word.ends_with(':') || word.size() < 2) {
    return std::nullopt;
  }
  word.remove_suffix(1);
  return word.substr(0, std::min(word.find('[', 1), word.size()));
}

// "kern.warn", as busybox has it where the host would be.
bool is_priority_word(std::string_view word) {
  constexpr std::array<std::string_view, 9> kLevels = {"emerg",   "alert",  "crit", "err",  "warn",
                                                       "warning", "notice", "info", "debug"};
  const auto point = word.rfind('.');
  return point != std::string_view::npos && std::ranges::find(kLevels, word.substr(point + 1)) != kLevels.end();
}

std::string_view take_word(std::string_view& text) {
  const auto word = text.substr(0, std::min(text.find(' '), text.size()));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

std::string_view without_task(std::string_view text) {
  const auto rest = trim_left(text);
  base::Scanner in(rest);
  (void)(in.literal(".") || in.literal("I") || in.literal("W") || in.literal("E"));
  if (in.literal("(") && in.number<unsigned>() && in.literal(")[") && in.number<unsigned>() && in.literal(":")) {
    const auto close = in.rest().find(']');  // MediaTek: "(3)[1234:kworker/u8:1]text"
    return close < kLongestTask ? in.rest().substr(close + 1) : text;
  }
  in = base::Scanner(rest);
  if (in.literal("c") && in.number<unsigned>() && in.literal(" ")) {
    in.skip_blanks();
    if (in.number<unsigned>() && in.literal(" ")) {  // HTC, Nexus: "c1   1234 text"
      return in.rest();
    }
  }
  in = base::Scanner(rest);
  if (in.literal("[c") && in.number<unsigned>() && in.literal("] ")) {
    return in.rest();
  }
  in = base::Scanner(rest);
  (void)(in.literal("I") || in.literal("W") || in.literal("E"));
  if (in.literal("[") && in.number<unsigned>() && in.literal(":")) {
    const auto task = trim_left(in.rest());  // Samsung: "[2: kworker/0:1] text", "I[2:  kworker/0:1:  112] text"
    const auto close = task.find("] ");
    const bool name = !task.empty() && !is_digit(task[0]) && task[0] != '#';  // else a row of a vserver's table
    return name && close < kLongestTask ? task.substr(close + 2) : text;
  }
  return text;
}

void read_kernel_message(std::string_view text, Record& record) {
  auto rest = text;
  if (text.starts_with(' ')) {  // "kernel:  [ 12.345678] text"; the blanks of a row without a stamp are its own
    rest = trim_left(text);
    if (auto stamped = rest; rest.starts_with('[') && read_kernel_stamp(stamped)) {
      text = rest;
    }
    rest = text;
  }
  if (read_priority(rest) && rest.starts_with('[') && read_kernel_stamp(rest)) {  // "<4>[ 12.345678] text"
    text.remove_prefix(text.find('['));
  }
  if (const auto stamp = read_kernel_stamp(text)) {
    record.monotonic_s = stamp;
    record.caller = read_caller(text);
    text = without_task(text);
  }
  record.message = text;
}

bool read_host_and_stamp(std::string_view text, Record& record) {
  text = trim_left(text);
  auto rest = text;
  const auto host = take_word(rest);
  rest = trim_left(rest);
  if (rest.starts_with(": ")) {
    rest.remove_prefix(2);
  }
  if (auto stamped = rest; host.ends_with(':') || !read_kernel_stamp(stamped)) {
    return false;
  }
  record.host = host;
  read_kernel_message(rest, record);
  return true;
}

bool read_host_and_tag(std::string_view text, Record& record) {
  text = trim_left(text);
  auto rest = text;
  auto word = take_word(rest);
  if (is_priority_word(word)) {  // busybox: "kern.warn kernel: text", "kern.warn host kernel: text"
    text = trim_left(rest);
    rest = text;
    word = take_word(rest);
  }
  // "kernel:[ts] text", without the blank.
  if (word.starts_with("kernel:[") && word.size() > 7) {
    read_kernel_message(text.substr(7), record);
    return true;
  }
  auto tag = as_tag(word);
  if (!tag) {
    record.host = word;
    rest = trim_left(rest);
    const auto after_host = rest;
    word = take_word(rest);
    if (word.starts_with("kernel:[")) {
      read_kernel_message(after_host.substr(7), record);
      return true;
    }
    tag = as_tag(word);
    if (!tag) {
      return false;
    }
  }
  if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  }
  record.kernel = *tag == "kernel" || *tag == "vmunix";
  if (record.kernel) {
    if (rest.starts_with("kernel: ")) {
      rest.remove_prefix(8);  // passed on by a second daemon
    }
    read_kernel_message(rest, record);
  } else {
    record.tag = *tag;
    record.message = rest;
  }
  return true;
}

}  // namespace forensics

#include "forensics/message_prefix.h"

#include <algorithm>

#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics {
namespace {

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

std::string_view take_word(std::string_view& text) {
  const auto word = text.substr(0, std::min(text.find(' '), text.size()));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

void read_kernel_message(std::string_view text, Record& record) {
  if (const auto stamp = read_kernel_stamp(text)) {
    record.monotonic_s = stamp;
    record.caller = read_caller(text);
  }
  record.message = text;
}

bool read_host_and_tag(std::string_view text, Record& record) {
  text = trim_left(text);
  auto rest = text;
  auto word = take_word(rest);
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
  if (rest.starts_with(" ")) {
    rest.remove_prefix(1);
  }
  record.kernel = *tag == "kernel" || *tag == "vmunix";
  if (record.kernel) {
    read_kernel_message(rest, record);
  } else {
    record.tag = *tag;
    record.message = rest;
  }
  return true;
}

}  // namespace forensics

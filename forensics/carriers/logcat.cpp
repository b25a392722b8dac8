// Android's logcat -b kernel and -b all: threadtime "05-01 12:34:56.789   479   479 I lowmemorykiller: text"; the
// kernel buffer has no tag.
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

bool is_level(char c) {
  return std::string_view("VDIWEF").find(c) != std::string_view::npos;
}

// A process or thread id in its column.
std::optional<unsigned> take_id(std::string_view& text) {
  text = trim_left(text);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto id = whole_number<unsigned>(text.substr(0, digits));
  text.remove_prefix(digits);
  return text.starts_with(' ') ? id : std::nullopt;
}

// "W/kernel  (    0): text" (-v time): the level, the tag, the process.
bool read_brief(std::string_view text, Record& record) {
  const auto open = text.find('(');
  const auto close = text.find("): ");
  if (text.size() < 3 || text[1] != '/' || !is_level(text[0]) || close == std::string_view::npos || open > close) {
    return false;
  }
  record.tag = trim_right(text.substr(2, open - 2));
  record.kernel = record.tag == "kernel" || record.tag.empty();
  if (record.kernel) {
    record.tag = {};
    read_kernel_message(text.substr(close + 3), record);
  } else {
    record.message = text.substr(close + 3);
  }
  return true;
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  auto text = line;
  if (text.size() < 20 || text[2] != '-' || text[5] != ' ') {
    return std::nullopt;
  }
  WallTime time;
  const auto month = whole_number<int>(text.substr(0, 2));
  const auto day = whole_number<int>(text.substr(3, 2));
  text.remove_prefix(6);
  if (!month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31 || !read_clock(text, time)) {
    return std::nullopt;
  }
  Record record;
  time.month = *month;
  time.day = *day;
  record.wall = time;
  if (read_brief(trim_left(text), record)) {
    return record;
  }
  const auto pid = take_id(text);
  const auto tid = take_id(text);
  if (!pid || !tid) {
    return std::nullopt;
  }
  text = trim_left(text);
  if (text.size() < 2 || !is_level(text[0]) || text[1] != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(2);
  const auto colon = text.find(": ");
  record.tag = trim_right(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  if (*pid == 0 && *tid == 0) {  // the kernel's buffer, which has no tags
    read_kernel_message(colon != std::string_view::npos && record.tag.empty() ? text.substr(colon + 2) : text, record);
    record.tag = {};
    return record;
  }
  record.kernel = false;
  record.message = colon == std::string_view::npos ? text : text.substr(colon + 2);
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"05-01 12:34:56.789     0     0 I Mem-Info:", "Mem-Info:"},
    {"05-01 12:34:56.789     0     0 I [ 1234.567890] Mem-Info:", "Mem-Info:"},
    {"05-01 12:34:56.789     0     0 W         : [ 1234.567890] Mem-Info:", "Mem-Info:"},
    {"05-01 12:34:56.789 W/kernel  (    0): <4>[ 1234.567890] Mem-Info:", "Mem-Info:"},
    {"07-28 10:46:14.514   479   479 I lowmemorykiller: Kill 'com.x' (17757), uid 1, oom_score_adj 0",
     "Kill 'com.x' (17757), uid 1, oom_score_adj 0"},
};

}  // namespace

constinit extern const Carrier logcat{
    .summary = "Android's logcat",
    .rank = 20,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

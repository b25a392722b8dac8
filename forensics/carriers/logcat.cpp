// Android's logcat -b kernel and -b all: threadtime "05-01 12:34:56.789   479   479 I lowmemorykiller: text"; the
// kernel buffer has no tag.
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

bool take_number(std::string_view& text) {
  text = trim_left(text);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits > 0 && text.starts_with(" ");
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
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
  time.month = *month;
  time.day = *day;
  if (!take_number(text) || !take_number(text)) {
    return std::nullopt;
  }
  text = trim_left(text);
  if (text.size() < 2 || std::string_view("VDIWEF").find(text[0]) == std::string_view::npos || text[1] != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(2);
  record.wall = time;
  const auto colon = text.find(": ");
  const auto tag = trim_right(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  record.kernel = tag.empty() || tag == "kernel" || tag.find(' ') != std::string_view::npos;
  if (!record.kernel) {
    record.tag = tag;
    record.message = text.substr(colon + 2);
  } else {
    if (tag == "kernel") {
      text.remove_prefix(colon + 2);
    }
    read_kernel_message(text, record);
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"05-01 12:34:56.789     0     0 I Mem-Info:", "Mem-Info:"},
    {"05-01 12:34:56.789     0     0 I [ 1234.567890] Mem-Info:", "Mem-Info:"},
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

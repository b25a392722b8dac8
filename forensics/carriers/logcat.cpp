// Android's logcat -b kernel and -b all: threadtime "05-01 12:34:56.789   479   479 I lowmemorykiller: text"; the
// kernel buffer has no tag.
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

// A process or thread id in its column.
std::optional<unsigned> take_id(std::string_view& text) {
  text = trim_left(text);
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto id = whole_number<unsigned>(text.substr(0, digits));
  text.remove_prefix(digits);
  return text.starts_with(" ") ? id : std::nullopt;
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
  const auto pid = take_id(text);
  const auto tid = take_id(text);
  if (!pid || !tid) {
    return std::nullopt;
  }
  text = trim_left(text);
  if (text.size() < 2 || std::string_view("VDIWEF").find(text[0]) == std::string_view::npos || text[1] != ' ') {
    return std::nullopt;
  }
  text.remove_prefix(2);
  record.wall = time;
  if (*pid == 0 && *tid == 0) {  // the kernel's buffer, which has no tags
    read_kernel_message(text, record);
    return record;
  }
  const auto colon = text.find(": ");
  record.kernel = false;
  record.tag = trim_right(text.substr(0, colon == std::string_view::npos ? 0 : colon));
  record.message = colon == std::string_view::npos ? text : text.substr(colon + 2);
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

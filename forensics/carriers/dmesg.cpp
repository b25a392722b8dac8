// dmesg(1): "[12345.678901] text", -T in any locale, -x "kern  :warn  : ", --time-format iso, -d, reltime, raw
// "<4>[...] ". Also /proc/kmsg, pstore, vmcore-dmesg and crash's log, which print the same.
#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

constexpr std::string_view kTag = "kernel: ";  // of a daemon, behind a stamp

// "kern  :warn  : " (dmesg -x): facility and level, padded. Whether the kernel wrote it goes to `kernel`.
bool read_decoded_priority(std::string_view& text, bool& kernel) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon > 8 || colon < 4) {
    return false;
  }
  const auto second = text.find(':', colon + 1);
  if (second == std::string_view::npos || second - colon > 8 || second - colon < 5 || text.find(' ') < 3) {
    return false;
  }
  for (const char c : trim(text.substr(0, colon))) {
    if ((c < 'a' || c > 'z') && !is_digit(c)) {
      return false;
    }
  }
  for (const char c : trim(text.substr(colon + 1, second - colon - 1))) {
    if (c < 'a' || c > 'z') {
      return false;
    }
  }
  kernel = trim(text.substr(0, colon)) == "kern";
  text.remove_prefix(second + 1);
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  return true;
}

// What may follow a time in brackets: the kernel's own stamp, the caller, "kernel: " of a daemon.
void read_after_bracket(std::string_view text, Record& record) {
  if (auto stamped = text; read_kernel_stamp(stamped)) {
    read_kernel_message(text, record);
    return;
  }
  record.caller = read_caller(text);
  if (text.starts_with(kTag)) {
    read_kernel_message(text.substr(kTag.size()), record);
    return;
  }
  record.message = text;
}

// "2015-06-12 03:04:05", "2015-06-12 03:04:05 UTC": all of the text.
std::optional<WallTime> read_whole_iso_time(std::string_view text) {
  auto time = read_iso_time(text);
  text = trim_left(text);
  if (time && time->zone.empty() && (text == "UTC" || text == "GMT")) {
    time->zone = text;
    text = {};
  }
  return text.empty() ? time : std::nullopt;
}

// "[Fri Nov 21 14:22:56 2025] ", "[2025-11-21 14:22:56] ", "[Nov21 14:22] ", "[  +0.000004] ", "[<    0.000004>] ".
bool read_bracket(std::string_view& text, Record& record) {
  const auto close = text.find(']');
  if (!text.starts_with('[') || close == std::string_view::npos || close > 60) {
    return false;
  }
  const auto inside = trim(text.substr(1, close - 1));
  const bool relative = inside.starts_with('+') || inside.starts_with('<');
  if (relative) {
    if (inside.find_first_not_of("+<> .0123456789") != std::string_view::npos ||
        inside.find('.') == std::string_view::npos) {
      return false;
    }
  } else if (const auto iso = read_whole_iso_time(inside)) {
    record.wall = iso;
  } else if (const auto time = read_ctime(inside); time && inside.find(' ') != std::string_view::npos) {
    record.wall = time;
  } else if (inside.size() < 11 || inside.size() > 14 || inside[inside.size() - 3] != ':' || !is_digit(inside.back()) ||
             inside.find(' ') == std::string_view::npos) {
    return false;  // not reltime's "Nov21 14:22" either
  }
  text.remove_prefix(close + 1);
  if (text.starts_with(' ')) {
    text.remove_prefix(1);
  }
  read_after_bracket(text, record);
  return true;
}

// "[   12.345678]<4>text".
std::string_view without_priority(std::string_view text) {
  (void)read_priority(text);
  return text;
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
  auto text = line;
  const auto priority = read_priority(text);
  if (priority) {
    record.kernel = *priority < 8;
    text = text.starts_with(' ') ? text.substr(1) : text;
  } else {
    (void)read_decoded_priority(text, record.kernel);
  }
  if (const auto stamp = read_kernel_stamp(text)) {
    record.monotonic_s = stamp;
    record.message = text.starts_with('<')    ? without_priority(text)
                     : text.starts_with(kTag) ? text.substr(kTag.size())
                                              : text;
    return record;
  }
  if (read_bracket(text, record)) {
    return record;
  }
  auto after = text;  // --time-format iso: only dmesg writes a comma
  if (const auto time = read_iso_time(after); time && after.starts_with(' ') && text[10] == 'T' && text[19] == ',') {
    record.wall = time;
    record.message = after.substr(1);
    return record;
  }
  if (priority || text.size() != line.size()) {
    record.message = text;
    return record;
  }
  return std::nullopt;
}

constexpr CarrierSample kSamples[] = {
    {"[   87.432610] stress invoked oom-killer: order=0", "stress invoked oom-killer: order=0"},
    {"[15180286.179791] Mem-Info:", "Mem-Info:"},
    {"[Fri Nov 21 14:22:56 2025] Mem-Info:", "Mem-Info:"},
    {"[Di Aug 12 03:54:03 2025]  <TASK>", " <TASK>"},
    {"[пт ноя 21 14:22:56 2025] Mem-Info:", "Mem-Info:"},
    {"kern  :warn  : [12345.678901] Mem-Info:", "Mem-Info:"},
    {"kern  :err   : 2024-05-01T12:34:56,123456+02:00 Killed process 1 (x)", "Killed process 1 (x)"},
    {"2024-05-01T12:34:56,123456+02:00 Mem-Info:", "Mem-Info:"},
    {"[12345.678901 <    0.000004>] Mem-Info:", "Mem-Info:"},
    {"[Fri Nov 21 14:22:56 2025] [  T123] Mem-Info:", "Mem-Info:"},
    {"[2025-11-21 14:22:56] [   12.345678] Mem-Info:", "Mem-Info:"},
    {"[2025-11-21 14:22:56 UTC] kernel: Mem-Info:", "Mem-Info:"},
    {"[Nov21 14:22] Mem-Info:", "Mem-Info:"},
    {"[  +0.000004] Mem-Info:", "Mem-Info:"},
    {"[21161.093418] kernel: Mem-Info:", "Mem-Info:"},
    {"<4>[12345.678901] Mem-Info:", "Mem-Info:"},
    {"<6>[   12.345678,0] Mem-Info:", "Mem-Info:"},
    {"<4>Mem-Info:", "Mem-Info:"},
};

}  // namespace

constinit extern const Carrier dmesg{
    .summary = "dmesg(1) in all its time formats, /proc/kmsg, pstore, vmcore-dmesg",
    .rank = 80,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

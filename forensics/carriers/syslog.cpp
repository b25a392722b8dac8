// RFC 3164 as syslog daemons write it to files, and as journalctl's short format looks: "Oct 12 19:00:20 host kernel: [
// 8523.347168] text". The month may be in any language, the host may be missing, "<4>" may stand in front. No year, no
// zone, except where daemons of their own kind write them ("Fri Jun 12 03:04:05 2015 kern.warn kernel: text": OpenWrt).
#include <algorithm>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

// busybox syslogd: "host kern.warn kernel: text".
bool read_host_priority_and_tag(std::string_view text, Record& record) {
  const auto host = text.substr(0, text.find(' '));
  text.remove_prefix(std::min(host.size() + 1, text.size()));
  const auto priority = text.substr(0, text.find(' '));
  if (priority.find('.') == std::string_view::npos || priority.size() > 16 ||
      priority.find_first_not_of("abcdefghijklmnopqrstuvwxyz01234567.") != std::string_view::npos) {
    return false;
  }
  text.remove_prefix(priority.size());
  if (!read_host_and_tag(text, record)) {
    return false;
  }
  record.host = host;
  return true;
}

// A daemon that had it from another: "192.168.1.1 Oct 12 19:00:20 host kernel: text".
bool read_passed_on(std::string_view text, Record& record) {
  text.remove_prefix(std::min(text.find(' ') + 1, text.size()));
  const auto wall = read_syslog_time(text);
  if (!wall || !text.starts_with(' ') || !read_host_and_tag(text.substr(1), record)) {
    return false;
  }
  record.wall = wall;
  return true;
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  auto text = line;
  const auto priority = read_priority(text);
  const auto wall = read_syslog_time(text);
  if (!wall) {
    return std::nullopt;
  }
  Record record;
  record.wall = wall;
  if (text.starts_with(':')) {  // Cisco's and some appliances' "Nov 21 14:22:56: "
    text.remove_prefix(1);
    if (record.wall->year != 0 && text.starts_with(' ')) {  // "Fri Jun 12 03:04:05 2015: text": a console with the time
      read_kernel_message(text.substr(1), record);
      return record;
    }
  }
  if (!text.starts_with(' ')) {
    return std::nullopt;
  }
  text.remove_prefix(1);
  if (auto stamped = text; read_kernel_stamp(stamped)) {  // neither host nor tag
    read_kernel_message(text, record);
    return record;
  }
  if (!read_host_and_tag(text, record) && !read_host_priority_and_tag(text, record) &&
      !read_host_and_stamp(text, record) && !read_passed_on(text, record)) {
    record.kernel = priority ? *priority < 8 : record.wall->year != 0;
    record.host = {};
    record.message = text.starts_with(' ') ? text.substr(1) : text;
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"Oct 12 19:00:20 host kernel: [ 8523.347168] Mem-Info:", "Mem-Info:"},
    {"Oct 12 19:00:20 host kernel:  <TASK>", " <TASK>"},
    {"Mär  3 19:00:20 host kernel: Mem-Info:", "Mem-Info:"},
    {"févr. 28 19:00:20 host kernel: Mem-Info:", "Mem-Info:"},
    {"10月 12 19:00:20 host kernel: Mem-Info:", "Mem-Info:"},
    {"Jan  5 15:19:27 kernel: [ 5864.708440] Mem-Info:", "Mem-Info:"},
    {"<4>Jan  5 15:19:27 host kernel:[ 5864.708440] Mem-Info:", "Mem-Info:"},
    {"Jan  5 15:19:27 host kern.warn kernel: [ 5864.708440] Mem-Info:", "Mem-Info:"},
    {"Mar 06 19:25:03 [kernel] [12.345678] Mem-Info:", "Mem-Info:"},
    {"Oct 12 19:00:20 host [12.345678] Mem-Info:", "Mem-Info:"},
    {"Oct 12 19:00:20 [12.345678] Mem-Info:", "Mem-Info:"},
    {"Oct 12 19:00:20 host kernel: <4>[12.345678] Mem-Info:", "Mem-Info:"},
    {"Oct 12 19:00:20 192.168.1.1 Oct 12 19:00:19 host kernel: Mem-Info:", "Mem-Info:"},
    {"Fri Jun 12 03:04:05 2015 kern.warn kernel: [12.345678] Mem-Info:", "Mem-Info:"},
    {"2015 Jun 12 03:04:05 host kernel: Mem-Info:", "Mem-Info:"},
    {"12 Jun 2015 03:04:05 host kernel: Mem-Info:", "Mem-Info:"},
    {"Jan  5 15:20:01 host CRON[14608]: (root) CMD (true)", "(root) CMD (true)"},
};

}  // namespace

constinit extern const Carrier syslog{
    .summary = "syslog files (RFC 3164), months in any language",
    .rank = 50,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

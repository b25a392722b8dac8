// Syslog with full time stamps: rsyslog's "2024-05-01T12:34:56.789012+02:00 host kernel: [..] text" and RFC 5424's
// "<4>1 2024-05-01T12:34:56Z host kernel - - - text".
#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

std::string_view take_word(std::string_view& text) {
  const auto word = text.substr(0, std::min(text.find(' '), text.size()));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

// HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [BOM] MSG.
bool read_rfc5424(std::string_view text, Record& record) {
  record.host = take_word(text);
  const auto app = take_word(text);
  (void)take_word(text);
  (void)take_word(text);
  if (text.starts_with('-')) {
    (void)take_word(text);
  } else if (text.starts_with('[')) {
    while (text.starts_with('[')) {
      std::size_t close = 1;
      while (close < text.size() && text[close] != ']') {
        close += text[close] == '\\' ? 2U : 1U;
      }
      text.remove_prefix(std::min(close + 1, text.size()));
    }
    text.remove_prefix(text.starts_with(' ') ? 1 : 0);
  } else {
    return false;
  }
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  record.kernel = app == "kernel";
  if (record.kernel) {
    read_kernel_message(text, record);
  } else {
    record.tag = app;
    record.message = text;
  }
  return true;
}

// "2024-05-01T12:34:56,123456+02:00": only dmesg writes a comma.
bool dmesg_wrote(std::string_view line) {
  return line.size() > 19 && line[19] == ',';
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  auto text = line;
  const bool priority = read_priority(text).has_value();
  const bool rfc5424 = priority && text.starts_with("1 ");
  if (rfc5424) {
    text.remove_prefix(2);
  }
  const auto wall = read_iso_time(text);
  if (!wall || wall->zone.empty() || !text.starts_with(' ') || dmesg_wrote(line)) {
    return std::nullopt;
  }
  Record record;
  record.wall = wall;
  text.remove_prefix(1);
  if (rfc5424) {
    return read_rfc5424(text, record) ? std::optional(record) : std::nullopt;
  }
  const bool journal = !priority && (record.wall->zone.size() == 5 || record.wall->fraction.empty());
  if (journal || !read_host_and_tag(text, record)) {
    return std::nullopt;
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"2024-05-01T12:34:56.789012+02:00 host kernel: [ 8523.347168] Mem-Info:", "Mem-Info:"},
    {"2024-05-01T12:34:56.789Z host kernel: Mem-Info:", "Mem-Info:"},
    {"<4>2024-05-01T12:34:56Z host kernel: Mem-Info:", "Mem-Info:"},
    {"<4>1 2024-05-01T12:34:56Z host kernel - - - Mem-Info:", "Mem-Info:"},
    {R"(<4>1 2024-05-01T12:34:56.789+02:00 host kernel - - [a b="c\]"] [ 8523.347168] Mem-Info:)", "Mem-Info:"},
};

}  // namespace

constinit extern const Carrier syslog_iso{
    .summary = "syslog with ISO 8601 time stamps: rsyslog's default since Debian 12, RFC 5424",
    .rank = 30,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

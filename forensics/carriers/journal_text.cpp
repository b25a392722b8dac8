// journalctl(1) in the text formats that no syslog daemon writes: short-precise, short-iso, short-full,
// short-monotonic, with-unit, and what is left of a line when the time was cut off ("kernel: text"). The plain short
// format is syslog's; see the demultiplexer for how the two are told apart.
#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

// short-full: "Fri 2025-11-21 14:22:56 CET host kernel: text".
bool read_full(std::string_view text, Record& record) {
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos || blank < 2 || blank > 12) {
    return false;
  }
  text.remove_prefix(blank + 1);
  auto time = read_iso_time(text);
  if (!time || !text.starts_with(" ")) {
    return false;
  }
  text = trim_left(text);
  const auto zone = text.substr(0, std::min(text.find(' '), text.size()));
  time->zone = zone;
  text.remove_prefix(zone.size());
  record.wall = time;
  return read_host_and_tag(text, record);
}

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
  if (line.starts_with("kernel: ")) {
    read_kernel_message(line.substr(8), record);
    return record;
  }
  auto text = line;
  if (const auto stamp = read_kernel_stamp(text)) {  // "[12345.678901] host kernel: text"
    record.monotonic_s = stamp;
    const auto blank = text.find(' ');
    if (blank == std::string_view::npos || text.substr(0, blank).ends_with(':') ||
        !text.substr(blank + 1).starts_with("kernel: ")) {
      return std::nullopt;
    }
    record.host = text.substr(0, blank);
    record.message = text.substr(blank + 9);
    return record;
  }
  text = line;
  if (auto time = read_iso_time(text)) {
    record.wall = time;
    if (text.starts_with(" ") && line[10] == 'T' && line[19] != ',' && read_host_and_tag(text, record)) {
      return record;
    }
    return std::nullopt;
  }
  text = line;
  if (auto time = read_syslog_time(text); time && time->fraction.size() == 6) {  // short-precise
    record.wall = time;
    if (text.starts_with(" ") && read_host_and_tag(text, record)) {
      return record;
    }
    return std::nullopt;
  }
  record = {};
  return read_full(line, record) ? std::optional(record) : std::nullopt;
}

constexpr CarrierSample kSamples[] = {
    {"Nov 21 14:22:56.123456 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56+0100 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56.123456+0100 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56+01:00 host kernel: Mem-Info:", "Mem-Info:"},
    {"Fri 2025-11-21 14:22:56 CET host kernel: Mem-Info:", "Mem-Info:"},
    {"[12345.678901] host kernel: Mem-Info:", "Mem-Info:"},
    {"kernel:  <TASK>", " <TASK>"},
};

}  // namespace

constinit extern const Carrier journal_text{
    .summary = "journalctl's text formats: short-precise, short-iso, short-full, short-monotonic, with-unit",
    .rank = 40,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

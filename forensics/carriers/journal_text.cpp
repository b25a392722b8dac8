// journalctl(1) in the text formats that no syslog daemon writes: short-precise, short-iso, short-full,
// short-monotonic, short-unix, with-unit, verbose, and what is left of a line when the time was cut off ("kernel:
// text"). The plain short format is syslog's; see the demultiplexer for how the two are told apart.
#include <algorithm>
#include <utility>

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
  if (!time || !text.starts_with(' ')) {
    return false;
  }
  text = trim_left(text);
  const auto zone = text.substr(0, std::min(text.find(' '), text.size()));
  time->zone = zone;
  text.remove_prefix(zone.size());
  record.wall = time;
  return read_host_and_tag(text, record);
}

// short-unix: "1700000000.123456 host kernel: text".
bool read_unix(std::string_view text, Record& record, std::string& scratch) {
  constexpr std::size_t kSeconds = 10, kMicroseconds = 6, kStamp = kSeconds + 1 + kMicroseconds;
  if (text.size() <= kStamp || text[kSeconds] != '.' || text[kStamp] != ' ') {
    return false;
  }
  const auto seconds = whole_number<std::uint64_t>(text.substr(0, kSeconds));
  const auto microseconds = whole_number<std::uint64_t>(text.substr(kSeconds + 1, kMicroseconds));
  if (!seconds || !microseconds) {
    return false;
  }
  record.wall = from_epoch_microseconds(*seconds * 1'000'000 + *microseconds, scratch);
  return read_host_and_tag(text.substr(kStamp), record);
}

std::optional<Record> decode(std::string_view line, std::string& scratch) {
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
    read_kernel_message(text.substr(blank + 9), record);
    return record;
  }
  text = line;
  if (auto time = read_iso_time(text)) {
    record.wall = time;
    if (text.starts_with(' ') && line[10] == 'T' && line[19] != ',' && read_host_and_tag(text, record)) {
      return record;
    }
    return std::nullopt;
  }
  constexpr std::size_t kLongestTime = 29;  // "Nov 21 14:22:56.123456", the month in any language
  text = line;
  const bool fraction = line.substr(0, kLongestTime).contains('.');  // else it is a daemon's, or the plain short format
  if (auto time = fraction ? read_syslog_time(text) : std::nullopt) {
    record.wall = time;
    const bool precise = time->fraction.size() == 6;
    return precise && text.starts_with(' ') && read_host_and_tag(text, record) ? std::optional(record) : std::nullopt;
  }
  record = {};
  if (read_unix(line, record, scratch)) {
    return record;
  }
  record = {};
  return read_full(line, record) ? std::optional(record) : std::nullopt;
}

// verbose: "Fri 2025-11-21 14:22:56.123456 CET [s=...;i=...]", then "    NAME=value" lines; a value's further lines are
// indented as far as the value.
class Verbose final : public BlockDecoder {
 public:
  static bool is_head(std::string_view line) {
    if (!line.ends_with(']')) {
      return false;
    }
    const auto mark = line.find(" [s=");
    return mark != std::string_view::npos && mark < 60 && line.find(";i=", mark) != std::string_view::npos;
  }

  bool feed(std::string_view line) override {
    if (is_head(line)) {
      finish();
      read_head(line);
      return true;
    }
    constexpr std::string_view kIndent = "    ";
    if (!line.starts_with(kIndent)) {
      finish();
      return line.empty();
    }
    line.remove_prefix(kIndent.size());
    const auto equals = line.find('=');
    if (last_ != nullptr && line.starts_with(' ')) {
      last_->append("\n").append(line.substr(std::min(line.size(), indent_)));
    } else if (equals != std::string_view::npos) {
      last_ = field(line.substr(0, equals));
      indent_ = equals + 1;
      if (last_ != nullptr) {
        *last_ = line.substr(equals + 1);
      }
    }
    return true;
  }

  void finish() override {
    if (!next_.message.empty()) {
      current_ = std::move(next_);
      ready_ = true;
    }
    next_ = {};
    last_ = nullptr;
  }

  bool next(Record& out) override {
    if (!std::exchange(ready_, false)) {
      return false;
    }
    out = {};
    out.message = current_.message;
    out.host = current_.host;
    out.boot = current_.boot;
    out.kernel = current_.transport == "kernel";
    if (!out.kernel) {
      out.tag = current_.tag;
    }
    if (const auto stamp = whole_number<std::uint64_t>(current_.monotonic)) {
      out.monotonic_s = static_cast<double>(*stamp) / 1e6;
    }
    std::string_view time = current_.time;
    if (auto wall = read_iso_time(time)) {
      wall->zone = trim(time);
      out.wall = wall;
    }
    return true;
  }

 private:
  struct Entry {
    std::string message, host, boot, transport, tag, monotonic, time;
  };

  void read_head(std::string_view line) {
    const auto blank = line.find(' ');
    const auto mark = line.find(" [s=");
    next_.time = blank < mark ? line.substr(blank + 1, mark - blank - 1) : std::string_view{};
  }

  std::string* field(std::string_view name) {
    constexpr std::pair<std::string_view, std::string Entry::*> kFields[] = {
        {"MESSAGE", &Entry::message},       {"_HOSTNAME", &Entry::host},
        {"_BOOT_ID", &Entry::boot},         {"_TRANSPORT", &Entry::transport},
        {"SYSLOG_IDENTIFIER", &Entry::tag}, {"_SOURCE_MONOTONIC_TIMESTAMP", &Entry::monotonic},
    };
    for (const auto& [known, member] : kFields) {
      if (name == known) {
        return &(next_.*member);
      }
    }
    return nullptr;
  }

  Entry next_, current_;
  std::string* last_ = nullptr;  // the value that the next indented line continues
  std::size_t indent_ = 0;
  bool ready_ = false;
};

std::unique_ptr<BlockDecoder> make_block() {
  return std::make_unique<Verbose>();
}

constexpr CarrierSample kSamples[] = {
    {"Nov 21 14:22:56.123456 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56+0100 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56.123456+0100 host kernel: Mem-Info:", "Mem-Info:"},
    {"2025-11-21T14:22:56+01:00 host kernel: Mem-Info:", "Mem-Info:"},
    {"Fri 2025-11-21 14:22:56 CET host kernel: Mem-Info:", "Mem-Info:"},
    {"[12345.678901] host kernel: Mem-Info:", "Mem-Info:"},
    {"1700000000.123456 host kernel: Mem-Info:", "Mem-Info:"},
    {"kernel:  <TASK>", " <TASK>"},
};

}  // namespace

constinit extern const Carrier journal_text{
    .summary =
        "journalctl's text formats: short-precise, short-iso, short-full, short-monotonic, short-unix, with-unit, "
        "verbose",
    .rank = 40,
    .decode = decode,
    .starts = Verbose::is_head,
    .make_block = make_block,
    .samples = kSamples,
};

}  // namespace forensics::carriers

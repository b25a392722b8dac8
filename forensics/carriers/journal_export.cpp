// journalctl -o export (https://systemd.io/JOURNAL_EXPORT_FORMATS): "NAME=value" lines, an empty line after each entry;
// a value that holds control characters is "NAME", a 64-bit little-endian size, the bytes and a newline. The bytes were
// split at their newlines by the line reader, which also drops the zeros of the size, so they are put together again
// here.
#include <map>
#include <utility>

#include "forensics/carrier.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

bool is_field_name(std::string_view name) {
  if (name.empty() || name.size() > 64) {
    return false;
  }
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string_view::npos &&
         !is_digit(name[0]);
}

class Export final : public BlockDecoder {
 public:
  bool feed(std::string_view line) override {
    if (!binary_.empty()) {
      return feed_binary(line);
    }
    if (line.empty()) {
      finish();
      return true;
    }
    const auto equals = line.find('=');
    if (equals != std::string_view::npos && is_field_name(line.substr(0, equals))) {
      next_.insert_or_assign(std::string(line.substr(0, equals)), std::string(line.substr(equals + 1)));
      return true;
    }
    if (is_field_name(line)) {
      binary_ = line;
      bytes_.clear();
      return true;
    }
    return false;
  }

  void finish() override {
    current_ = std::move(next_);
    next_.clear();
    ready_ = true;
  }

  bool next(Record& out) override {
    const auto message = current_.find("MESSAGE");
    if (!std::exchange(ready_, false) || message == current_.end()) {
      return false;
    }
    out = {};
    out.message = message->second;
    out.host = value("_HOSTNAME");
    out.boot = value("_BOOT_ID");
    const auto transport = value("_TRANSPORT");
    out.kernel = transport.empty() ? value("SYSLOG_IDENTIFIER") == "kernel" : transport == "kernel";
    if (!out.kernel) {
      out.tag = value("SYSLOG_IDENTIFIER");
    }
    if (const auto realtime = whole_number<std::uint64_t>(value("__REALTIME_TIMESTAMP"))) {
      out.wall = from_epoch_microseconds(*realtime, fraction_);
    }
    if (const auto stamp = whole_number<std::uint64_t>(value("_SOURCE_MONOTONIC_TIMESTAMP"))) {
      out.monotonic_s = static_cast<double>(*stamp) / 1e6;
    }
    return true;
  }

 private:
  static constexpr std::size_t kSizeBytes = 8;
  static constexpr std::size_t kLargestField = std::size_t{1} << 20;

  bool feed_binary(std::string_view line) {
    bytes_.append(line).append("\n");
    if (bytes_.size() > kSizeBytes + kLargestField) {
      binary_.clear();
      return false;
    }
    // All of the size, or what is left of it without its zeros.
    const bool has_zeros = bytes_.substr(0, kSizeBytes).find('\0') != std::string::npos;
    for (const std::size_t digits : {kSizeBytes, std::size_t{1}, std::size_t{2}}) {
      if (has_zeros == (digits == kSizeBytes) && bytes_.size() > digits &&
          bytes_.size() == digits + size_of(digits) + 1) {
        next_.insert_or_assign(binary_, bytes_.substr(digits, bytes_.size() - digits - 1));
        binary_.clear();
        break;
      }
    }
    return true;
  }

  [[nodiscard]] std::uint64_t size_of(std::size_t digits) const {
    std::uint64_t size = 0;
    for (auto i = digits; i-- > 0;) {
      size = size << 8U | static_cast<unsigned char>(bytes_[i]);
    }
    return size;
  }

  [[nodiscard]] std::string_view value(std::string_view name) const {
    const auto found = current_.find(name);
    return found == current_.end() ? std::string_view{} : std::string_view(found->second);
  }

  std::map<std::string, std::string, std::less<>> next_, current_;
  bool ready_ = false;
  std::string binary_;  // the name of the field that is being read by size
  std::string bytes_, fraction_;
};

bool starts(std::string_view line) {
  return line.starts_with("__CURSOR=") || line.starts_with("__REALTIME_TIMESTAMP=");
}

std::unique_ptr<BlockDecoder> make_block() {
  return std::make_unique<Export>();
}

}  // namespace

constinit extern const Carrier journal_export{
    .summary = "journalctl -o export",
    .rank = 4,
    .starts = starts,
    .make_block = make_block,
};

}  // namespace forensics::carriers

// journalctl -o json, json-seq and json-sse: one object per line, MESSAGE a string, or an array of bytes when it is not
// valid UTF-8 (systemd.journal-fields(7)). json-pretty: the same over several lines.
#include <utility>

#include <nlohmann/json.hpp>

#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

using nlohmann::json;

// A field's value as bytes; of several values the first.
std::string field(const json& object, const char* name) {
  auto found = object.find(name);
  if (found == object.end()) {
    return {};
  }
  const json* value = &*found;
  if (value->is_array() && !value->empty() && !(*value)[0].is_number()) {
    value = &(*value)[0];
  }
  if (value->is_string()) {
    return value->get<std::string>();
  }
  std::string bytes;
  if (value->is_array()) {
    for (const auto& byte : *value) {
      bytes += static_cast<char>(byte.is_number_integer() ? byte.get<std::int64_t>() & 0xff : 0);
    }
  } else if (value->is_number_unsigned()) {
    bytes = std::to_string(value->get<std::uint64_t>());
  }
  return bytes;
}

constexpr std::string_view kEvent = "data: ";  // server-sent events

std::optional<Record> decode(std::string_view line, std::string& scratch) {
  if (line.starts_with("\x1e")) {  // RFC 7464
    line.remove_prefix(1);
  } else if (line.starts_with(kEvent)) {
    line.remove_prefix(kEvent.size());
  }
  if (!line.starts_with('{') || line.find("\"MESSAGE\"") == std::string_view::npos) {
    return std::nullopt;
  }
  const auto object = json::parse(line, nullptr, false);
  if (!object.is_object() || !object.contains("MESSAGE")) {
    return std::nullopt;
  }
  Record record;
  const auto message = field(object, "MESSAGE");
  const auto host = field(object, "_HOSTNAME");
  const auto tag = field(object, "SYSLOG_IDENTIFIER");
  const auto boot = field(object, "_BOOT_ID");
  const auto transport = field(object, "_TRANSPORT");
  std::string fraction;
  if (const auto realtime = whole_number<std::uint64_t>(field(object, "__REALTIME_TIMESTAMP"))) {
    record.wall = from_epoch_microseconds(*realtime, fraction);
  }
  if (const auto stamp = whole_number<std::uint64_t>(field(object, "_SOURCE_MONOTONIC_TIMESTAMP"))) {
    record.monotonic_s = static_cast<double>(*stamp) / 1e6;
  }
  record.kernel = transport.empty() ? tag == "kernel" : transport == "kernel";
  // One buffer for all views.
  scratch = message + host + tag + boot + fraction;
  std::string_view rest = scratch;
  const auto take = [&](std::size_t size) {
    const auto part = rest.substr(0, size);
    rest.remove_prefix(size);
    return part;
  };
  record.message = take(message.size());
  record.host = take(host.size());
  record.tag = take(tag.size());
  record.boot = take(boot.size());
  if (record.wall) {
    record.wall->fraction = take(fraction.size());
  }
  if (record.kernel) {
    record.tag = {};
  }
  return record;
}

// "{", members with a tab before each, "}".
class Pretty final : public BlockDecoder {
 public:
  bool feed(std::string_view line) override {
    if (object_.size() > kLargest || (object_.empty() && line != "{") ||
        (!object_.empty() && line != "}" && !line.starts_with('\t'))) {
      return false;
    }
    object_.append(line);
    whole_ = line == "}";
    return true;
  }

  bool next(Record& out) override {
    if (!std::exchange(whole_, false)) {
      return false;
    }
    const auto record = decode(object_, scratch_);
    object_.clear();
    out = record.value_or(Record{});
    return record.has_value();
  }

 private:
  static constexpr std::size_t kLargest = std::size_t{1} << 24;

  std::string object_, scratch_;
  bool whole_ = false;
};

bool starts(std::string_view line) {
  return line == "{";
}

std::unique_ptr<BlockDecoder> make_block() {
  return std::make_unique<Pretty>();
}

constexpr CarrierSample kSamples[] = {
    {R"({"MESSAGE":"Mem-Info:","SYSLOG_IDENTIFIER":"kernel","_TRANSPORT":"kernel","__REALTIME_TIMESTAMP":"1700000000123456"})",
     "Mem-Info:"},
    {R"(data: {"MESSAGE":"Mem-Info:","_TRANSPORT":"kernel"})", "Mem-Info:"},
    {R"({"__REALTIME_TIMESTAMP":"1700000000123456","MESSAGE":[97,255,98],"_TRANSPORT":"kernel"})",
     "a\xff"
     "b"},
    {R"({"MESSAGE":"anon 1\nfile 2","_TRANSPORT":"kernel","_SOURCE_MONOTONIC_TIMESTAMP":"12345678"})",
     "anon 1\nfile 2"},
};

}  // namespace

constinit extern const Carrier journal_json{
    .summary = "journalctl -o json, json-seq, json-sse, json-pretty",
    .rank = 5,
    .decode = decode,
    .starts = starts,
    .make_block = make_block,
    .samples = kSamples,
};

}  // namespace forensics::carriers

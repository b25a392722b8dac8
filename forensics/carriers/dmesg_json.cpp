// dmesg --json (util-linux 2.38): {"dmesg": [{"pri": 6, "time": 12345.678901, "msg": "..."}, ...]}, written over
// several lines per record, or on one line by jq -c. Objects are cut out by their braces, so that memory does not
// depend on the size of the input.
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "forensics/carrier.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

using nlohmann::json;

// dmesg copies a byte that is not UTF-8 as it is, which is no JSON: such a byte NN is read as the character U+10FFNN.
std::string with_stand_ins(std::string_view text) {
  const auto valid = base::to_valid_utf8(text);
  std::string out;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    if (valid[i] != '\\' || i + 1 == valid.size()) {
      out += valid[i];
    } else if (valid[++i] == 'x') {  // no escape of JSON: to_valid_utf8 put it there
      out += "\\udbff\\udf";
    } else {
      out.append({'\\', valid[i]});
    }
  }
  return out;
}

// The message with the bytes in their places again.
std::string without_stand_ins(std::string text) {
  constexpr std::string_view kFirstBytes = "\xF4\x8F";
  for (auto at = text.find(kFirstBytes); at != std::string::npos; at = text.find(kFirstBytes, at + 1)) {
    const auto high = static_cast<unsigned char>(text[at + 2]);
    const auto low = static_cast<unsigned char>(text[at + 3]);
    if (high >= 0xBE) {
      text.replace(at, 4, 1, static_cast<char>((high & 3U) << 6U | (low & 0x3FU)));
    }
  }
  return text;
}

class Objects final : public BlockDecoder {
 public:
  bool feed(std::string_view line) override {
    pending_.erase(0, start_);
    start_ = 0;
    pending_.append(line).append("\n");
    return pending_.size() <= kLargest;
  }

  bool next(Record& out) override {
    while (true) {
      const auto open = pending_.find('{', start_);
      if (open == std::string::npos) {
        start_ = pending_.size();
        return false;
      }
      start_ = open;
      // The object that holds all others is stepped into, not waited for.
      if (pending_.compare(open + 1, kWhole.size(), kWhole) == 0) {
        start_ = open + 1 + kWhole.size();
        continue;
      }
      const auto close = end_of_object(open);
      if (close == std::string::npos) {
        return false;
      }
      start_ = close + 1;
      const auto text = std::string_view(pending_).substr(open, close - open + 1);
      auto object = json::parse(text, nullptr, false);
      if (object.is_discarded()) {
        object = json::parse(with_stand_ins(text), nullptr, false);
      }
      if (read(object, out)) {
        return true;
      }
    }
  }

 private:
  static constexpr std::size_t kLargest = std::size_t{1} << 24;
  static constexpr std::string_view kWhole = "\"dmesg\":";

  [[nodiscard]] std::size_t end_of_object(std::size_t at) const {
    int depth = 0;
    bool quoted = false;
    for (; at < pending_.size(); ++at) {
      const char c = pending_[at];
      if (quoted) {
        at += c == '\\' ? 1U : 0U;
        quoted = c != '"';
      } else if (c == '"') {
        quoted = true;
      } else if (c == '{') {
        ++depth;
      } else if (c == '}' && --depth == 0) {
        return at;
      }
    }
    return std::string::npos;
  }

  bool read(const json& object, Record& out) {
    const auto message = object.is_object() ? object.find("msg") : object.end();
    if (!object.is_object() || message == object.end() || !message->is_string()) {
      return false;
    }
    out = {};
    message_ = without_stand_ins(message->get<std::string>());
    out.message = message_;
    if (const auto time = object.find("time"); time != object.end() && time->is_number()) {
      out.monotonic_s = time->get<double>();
    }
    const auto facility = object.find("fac");
    out.kernel = facility == object.end() || !facility->is_string() || facility->get<std::string>() == "kern";
    if (const auto caller = object.find("caller"); caller != object.end() && caller->is_string()) {
      caller_ = caller->get<std::string>();
      out.caller = caller_;
    }
    return true;
  }

  std::string pending_, message_, caller_;
  std::size_t start_ = 0;  // what is before it has been read
};

bool starts(std::string_view line) {
  const auto text = trim(line);
  return text.starts_with("\"dmesg\":") || text.starts_with("{\"dmesg\":");
}

std::unique_ptr<BlockDecoder> make_block() {
  return std::make_unique<Objects>();
}

}  // namespace

constinit extern const Carrier dmesg_json{
    .summary = "dmesg --json",
    .rank = 3,
    .starts = starts,
    .make_block = make_block,
};

}  // namespace forensics::carriers

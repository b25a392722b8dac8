#include "forensics/json_writer.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/escape.h"

namespace forensics {
namespace {

void append_number(std::string& out, std::integral auto value) {
  char buffer[24];
  const auto [end, error] = std::to_chars(buffer, buffer + sizeof buffer, value);
  (void)error;  // 24 bytes hold every integer
  out.append(buffer, end);
}

}  // namespace

void JsonWriter::text(std::string_view bytes) {
  out_ += '"';
  out_ += base::escape_json(bytes);
  out_ += '"';
}

void JsonWriter::number(std::int64_t value) {
  append_number(out_, value);
}
void JsonWriter::number(std::uint64_t value) {
  append_number(out_, value);
}

void JsonWriter::write(double value) {
  if (!std::isfinite(value)) {
    out_ += "null";
    return;
  }
  // Shortest digits that read back the same; without an exponent where a person would not write one.
  const auto magnitude = std::abs(value);
  char buffer[64];
  const auto [end, error] = magnitude == 0 || (magnitude > 1e-9 && magnitude < 1e15)
                                ? std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed)
                                : std::to_chars(buffer, buffer + sizeof buffer, value);
  (void)error;  // 64 bytes hold them all
  out_.append(buffer, end);
}

void JsonWriter::write(const cgroup::Counters& counters) {
  open('{', false);
  rest(counters, {});
  close('}');
}

void JsonWriter::write(const std::vector<std::pair<std::string, std::string>>& pairs) {
  open('{', true);
  for (const auto& [name, value] : pairs) {
    member(name, value);
  }
  close('}');
}

void JsonWriter::rest(const cgroup::Counters& counters, std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : counters) {
    if (std::ranges::find(known, name) == known.end()) {
      member(name, value);
    }
  }
}

void JsonWriter::open(char bracket, bool one_line) {
  if (!levels_.empty() && !after_key_) {
    item();
  }
  after_key_ = false;
  out_ += bracket;
  const bool inside = !levels_.empty() && levels_.back().one_line;
  levels_.push_back({.one_line = layout_ == Layout::line || one_line || inside});
}

void JsonWriter::close(char bracket) {
  const Level level = levels_.back();
  levels_.pop_back();
  after_key_ = false;
  if (!level.one_line && !level.empty) {
    out_ += '\n';
    out_.append(2 * levels_.size(), ' ');
  }
  out_ += bracket;
}

void JsonWriter::item() {
  auto& level = levels_.back();
  if (!level.empty) {
    out_ += ',';
  }
  if (!level.one_line) {
    out_ += '\n';
    out_.append(2 * levels_.size(), ' ');
  } else if (!level.empty && layout_ == Layout::pretty) {
    out_ += ' ';
  }
  level.empty = false;
}

void JsonWriter::key(std::string_view name) {
  item();
  text(name);
  out_ += layout_ == Layout::pretty ? ": " : ":";
  after_key_ = true;
}

void JsonWriter::microseconds(std::optional<std::chrono::microseconds> value) {
  if (!value) {
    out_ += "null";
    return;
  }
  // Exact decimals: 1234567 us is 1.234567, not the nearest double's digits.
  const auto count = std::max<std::int64_t>(value->count(), 0);
  append_number(out_, count / 1'000'000);
  if (const auto fraction = count % 1'000'000; fraction != 0) {
    const auto digits = fmt::format("{:06}", fraction);
    out_ += '.';
    out_ += std::string_view(digits).substr(0, digits.find_last_not_of('0') + 1);
  }
}

void JsonWriter::timeline(std::string_view name, const std::vector<cgroup::Sample>& samples) {
  key(name);
  open('{', false);
  key("columns");
  open('[', true);
  for (const auto column : kTimelineColumns) {
    item();
    text(column);
  }
  close(']');
  key("rows");
  open('[', false);
  for (const auto& sample : samples) {
    open('[', true);
    item();
    microseconds(std::chrono::duration_cast<std::chrono::microseconds>(sample.t));
    for (const auto& value : {sample.memory, sample.swap, sample.anon, sample.file, sample.shmem, sample.kernel}) {
      item();
      write(value);
    }
    item();
    microseconds(sample.psi_some);
    item();
    microseconds(sample.psi_full);
    close(']');
  }
  close(']');
  close('}');
}

std::string JsonWriter::finish() && {
  out_ += '\n';
  return std::move(out_);
}

}  // namespace forensics

#include "forensics/line_reader.h"

#include <algorithm>

namespace forensics {
namespace {

constexpr std::size_t kChunk = std::size_t{256} << 10;
constexpr std::size_t kLongestLine = std::size_t{1} << 20;

void append_utf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)), chunk_(std::make_unique_for_overwrite<char[]>(kChunk)) {}

base::Result<bool> LineReader::fill() {
  TRY_ASSIGN(const auto count, source_->read({chunk_.get(), kChunk}));
  if (count == 0) {
    end_ = true;
    return false;
  }
  std::string_view bytes(chunk_.get(), count);
  bytes_ += count;
  if (start_ > 0) {
    buffer_.erase(0, start_);
    searched_ -= start_;
    start_ = 0;
  }
  if (encoding_ == Encoding::unknown) {
    encoding_ = Encoding::bytes;
    if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
      encoding_ = bytes.starts_with("\xFF") ? Encoding::utf16_little : Encoding::utf16_big;
      bytes.remove_prefix(2);
    } else if (bytes.starts_with("\xEF\xBB\xBF")) {
      bytes.remove_prefix(3);
    }
  }
  if (encoding_ == Encoding::bytes) {
    buffer_.append(bytes);
  } else {
    append_utf16(bytes);
  }
  return true;
}

void LineReader::append_utf16(std::string_view bytes) {
  odd_.append(bytes);
  const auto unit = [&](std::size_t at) {
    const auto low = static_cast<unsigned char>(odd_[at + (encoding_ == Encoding::utf16_little ? 0 : 1)]);
    const auto high = static_cast<unsigned char>(odd_[at + (encoding_ == Encoding::utf16_little ? 1 : 0)]);
    return static_cast<char32_t>(high << 8 | low);
  };
  std::size_t at = 0;
  while (at + 2 <= odd_.size()) {
    const auto first = unit(at);
    if (first >= 0xd800 && first < 0xdc00) {
      if (at + 4 > odd_.size()) {
        break;
      }
      const auto second = unit(at + 2);
      if (second >= 0xdc00 && second < 0xe000) {
        append_utf8(buffer_, 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
        at += 4;
        continue;
      }
    }
    append_utf8(buffer_, first >= 0xd800 && first < 0xe000 ? U'\uFFFD' : first);
    at += 2;
  }
  odd_.erase(0, at);
}

std::string_view LineReader::clean(std::string_view line) {
  while (line.ends_with('\r')) {
    line.remove_suffix(1);
  }
  if (line.find('\0') == std::string_view::npos) {
    return line;
  }
  cleaned_.clear();
  std::ranges::copy_if(line, std::back_inserter(cleaned_), [](char c) { return c != '\0'; });
  return cleaned_;
}

base::Result<std::optional<Line>> LineReader::next() {
  while (true) {
    const auto newline = buffer_.find('\n', searched_);
    if (newline != std::string::npos) {
      const auto text = std::string_view(buffer_).substr(start_, newline - start_);
      start_ = searched_ = newline + 1;
      ++number_;
      if (std::exchange(skipping_, false)) {
        --number_;  // the rest of a line that was handed out already
        continue;
      }
      return Line{.text = clean(text.substr(0, kLongestLine)), .number = number_};
    }
    searched_ = buffer_.size();
    if (buffer_.size() - start_ > kLongestLine) {
      const auto text = std::string_view(buffer_).substr(start_, kLongestLine);
      start_ = buffer_.size();
      if (!std::exchange(skipping_, true)) {
        return Line{.text = clean(text), .number = ++number_};
      }
      continue;
    }
    if (end_) {
      break;
    }
    TRY_ASSIGN(const bool more, fill());
    (void)more;  // the end shows in end_
  }
  if (start_ == buffer_.size() || skipping_) {
    return std::nullopt;
  }
  const auto text = std::string_view(buffer_).substr(start_);
  start_ = buffer_.size();
  return Line{.text = clean(text), .number = ++number_, .ended = false};
}

}  // namespace forensics

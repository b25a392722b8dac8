#include "forensics/line_reader.h"

#include <algorithm>
#include <utility>

#include "forensics/candidates.h"
#include "forensics/survey.h"

namespace forensics {
namespace {

constexpr std::size_t kBlock = SurveyedFile::kRange;
constexpr std::size_t kBefore = std::size_t{16} << 10;  // of lines before a candidate
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

LineReader::LineReader(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

LineReader::LineReader(std::unique_ptr<SurveyedFile> file)
    : source_(std::move(file)), surveyed_(static_cast<SurveyedFile*>(source_.get())) {}

LineReader::~LineReader() = default;

// Reads on behind the line that is not whole yet.
base::Result<> LineReader::fill() {
  buffer_.erase(0, lines_end_);
  lines_end_ = 0;
  const bool decodes = encoding_ == Encoding::utf16_little || encoding_ == Encoding::utf16_big;
  auto& into = decodes ? raw_ : buffer_;
  const auto kept = decodes ? 0 : buffer_.size();
  base::Result<std::size_t> got = 0;
  into.resize_and_overwrite(kept + kBlock, [&](char* bytes, std::size_t) {
    got = source_->read({bytes + kept, kBlock});
    return kept + got.value_or(0);
  });
  TRY(got);
  bytes_ += *got;
  end_ = *got == 0;
  const auto before = decodes ? buffer_.size() : kept;
  if (encoding_ == Encoding::unknown) {
    encoding_ = Encoding::bytes;
    if (buffer_.starts_with("\xFF\xFE") || buffer_.starts_with("\xFE\xFF")) {
      encoding_ = buffer_.starts_with("\xFF") ? Encoding::utf16_little : Encoding::utf16_big;
      const auto start = std::exchange(buffer_, {});
      append_utf16(std::string_view(start).substr(2));
    } else if (buffer_.starts_with("\xEF\xBB\xBF")) {
      buffer_.erase(0, 3);
    }
  } else if (decodes) {
    append_utf16(raw_);
  }
  lay_out(std::min(before, buffer_.size()));
  return {};
}

// Finds the whole lines in the buffer; what is before `fresh` is known to hold no newline.
void LineReader::lay_out(std::size_t fresh) {
  const auto newline = std::string_view(buffer_).substr(fresh).rfind('\n');
  if (newline != std::string_view::npos) {
    lines_end_ = fresh + newline + 1;
    rest_ = std::string_view(buffer_).substr(0, lines_end_);
    if (std::exchange(skipping_, false)) {
      rest_.remove_prefix(rest_.find('\n') + 1);  // the rest of a line that was handed out already
    }
    return;
  }
  if (skipping_) {
    lines_end_ = buffer_.size();
    return;
  }
  if (buffer_.size() > kLongestLine || end_) {
    lines_end_ = buffer_.size();
    rest_ = std::string_view(buffer_).substr(0, kLongestLine);
    skipping_ = !end_;
    partial_ = end_;
  }
}

// Passes over the ranges of a surveyed file that hold no candidate. The first is read in any case: what stands at the
// start says how the text is encoded, and stands for nothing elsewhere.
void LineReader::skip_surveyed() {
  if (surveyed_ == nullptr || skipping_ || encoding_ == Encoding::unknown ||
      surveyed_->offset() % SurveyedFile::kRange != 0) {
    return;
  }
  const auto start = surveyed_->offset() - (buffer_.size() - lines_end_);  // of the line that is not whole yet
  auto line = start;
  auto index = surveyed_->offset() / SurveyedFile::kRange;
  // The line that is not whole yet began in the range before, if that had a newline; else no range is passed over.
  bool late = index > 0 && (surveyed_->range(index - 1).late_candidate || surveyed_->range(index - 1).newlines == 0);
  std::uint64_t newlines = 0;
  for (; !late; ++index) {
    const auto& range = surveyed_->range(index);
    if (!range.whole || range.candidate || range.newlines == 0) {
      break;
    }
    newlines += range.newlines;
    line = index * SurveyedFile::kRange + range.last_line;
    late = range.late_candidate;
  }
  if (line == start) {
    return;
  }
  number_ += newlines;
  bytes_ += line - surveyed_->offset();
  surveyed_->seek(line);
  buffer_.clear();
  lines_end_ = 0;
}

void LineReader::skip_to_candidate() {
  const auto found = find_candidate(rest_);
  auto passed = rest_;
  if (found != std::string_view::npos) {
    const auto near = found - std::min(found, kBefore);
    const auto newline = near == 0 ? std::string_view::npos : rest_.rfind('\n', near - 1);
    passed = rest_.substr(0, newline == std::string_view::npos ? 0 : newline + 1);
    wanted_ = found - passed.size() + 1;
  }
  number_ += count_newlines(passed) + (passed.empty() || passed.ends_with('\n') ? 0 : 1);
  rest_.remove_prefix(passed.size());
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

Line LineReader::take_line() {
  const auto newline = rest_.find('\n');
  const auto text = rest_.substr(0, newline);
  const auto length = newline == std::string_view::npos ? text.size() : newline + 1;
  rest_.remove_prefix(length);
  wanted_ -= std::min(wanted_, length);
  return {.text = clean(text.substr(0, kLongestLine)),
          .number = ++number_,
          .ended = newline != std::string_view::npos || !partial_};
}

base::Result<std::optional<Line>> LineReader::next() {
  while (rest_.empty()) {
    if (end_) {
      return std::nullopt;
    }
    TRY(fill());
  }
  return take_line();
}

base::Result<std::optional<Line>> LineReader::next_of_interest() {
  while (true) {
    if (rest_.empty()) {
      if (end_) {
        return std::nullopt;
      }
      skip_surveyed();
      TRY(fill());
    }
    if (wanted_ == 0) {
      skip_to_candidate();
    }
    if (!rest_.empty()) {
      return take_line();
    }
  }
}

}  // namespace forensics

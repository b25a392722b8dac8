#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "forensics/byte_source.h"

namespace forensics {

class SurveyedFile;

// One line of a log, without its end. The view lives until the next call.
struct Line {
  std::string_view text;
  std::uint64_t number = 0;  // 1-based
  bool ended = true;         // false for a last line without newline, which may be cut
};

// Bytes to lines: reads in blocks, decompresses by content, removes a byte-order mark, turns UTF-16 (with mark) into
// UTF-8, drops NULs (what a power loss leaves) and carriage returns at line ends. A line over 1 MiB is cut there; the
// rest of it is skipped.
class LineReader {
 public:
  explicit LineReader(std::unique_ptr<ByteSource> source);
  // A file of which other threads find out ahead which parts can be passed over. The lines are the same.
  explicit LineReader(std::unique_ptr<SurveyedFile> file);
  LineReader(const LineReader&) = delete;
  LineReader(LineReader&&) = delete;
  LineReader& operator=(const LineReader&) = delete;
  LineReader& operator=(LineReader&&) = delete;
  ~LineReader();

  // The next line; nothing at the end of the input. An error is one of reading.
  base::Result<std::optional<Line>> next();
  // The same, but passes over lines that cannot begin a report (see find_candidate), up to 16 KiB before the next one
  // that may. The lines passed over are counted.
  base::Result<std::optional<Line>> next_of_interest();

  // Whether the next line is here already.
  [[nodiscard]] bool has_lines() const { return !rest_.empty(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // of text, after decompression
  [[nodiscard]] std::uint64_t lines() const { return number_; }
  [[nodiscard]] std::optional<std::string> compression() const { return source_->compression(); }
  [[nodiscard]] std::optional<std::string> damage() const {
    return source_->damage();
  }  // why the input ended early, if it did

 private:
  base::Result<> fill();
  void lay_out(std::size_t fresh);
  void skip_surveyed();
  void skip_to_candidate();
  Line take_line();
  std::string_view clean(std::string_view line);
  void append_utf16(std::string_view bytes);

  enum class Encoding { unknown, bytes, utf16_little, utf16_big };
  std::unique_ptr<ByteSource> source_;
  SurveyedFile* surveyed_ = nullptr;  // the source, if it is one
  std::string buffer_, raw_, cleaned_;
  std::string_view rest_;      // of the whole lines in the buffer, those not handed out yet
  std::size_t lines_end_ = 0;  // where in the buffer the line begins whose end is not read yet
  std::uint64_t number_ = 0, bytes_ = 0;
  std::size_t wanted_ = 0;  // bytes of rest_ that next_of_interest() hands out whatever is in them
  Encoding encoding_ = Encoding::unknown;
  std::string odd_;  // bytes of an UTF-16 unit or pair that is not whole yet
  bool end_ = false, skipping_ = false, partial_ = false;
};

}  // namespace forensics

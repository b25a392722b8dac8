#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "forensics/byte_source.h"

namespace forensics {

// One line of a log, without its end. The view lives until the next call.
struct Line {
  std::string_view text;
  std::uint64_t number = 0;  // 1-based
  bool ended = true;         // false for a last line without newline, which may be cut
};

// Bytes to lines: reads in chunks, decompresses by content, removes a byte-order mark, turns UTF-16 (with mark) into
// UTF-8, drops NULs (what a power loss leaves) and carriage returns at line ends. A line over 1 MiB is cut there; the
// rest of it is skipped.
class LineReader {
 public:
  explicit LineReader(std::unique_ptr<ByteSource> source);

  // The next line; nothing at the end of the input. An error is one of reading.
  base::Result<std::optional<Line>> next();

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }  // of text, after decompression
  [[nodiscard]] std::uint64_t lines() const { return number_; }
  [[nodiscard]] std::optional<std::string> compression() const { return source_->compression(); }
  [[nodiscard]] std::optional<std::string> damage() const {
    return source_->damage();
  }  // why the input ended early, if it did

 private:
  base::Result<bool> fill();
  void append_utf16(std::string_view bytes);
  std::string_view clean(std::string_view line);

  enum class Encoding { unknown, bytes, utf16_little, utf16_big };
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<char[]> chunk_;
  std::string buffer_, cleaned_;
  std::size_t start_ = 0, searched_ = 0;
  std::uint64_t number_ = 0, bytes_ = 0;
  Encoding encoding_ = Encoding::unknown;
  std::string odd_;  // bytes of an UTF-16 unit or pair that is not whole yet
  bool end_ = false, skipping_ = false;
};

}  // namespace forensics

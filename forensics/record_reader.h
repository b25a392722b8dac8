#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "forensics/record.h"

namespace forensics {

struct Source;

// A record, and the line of the log that it ends with.
struct ReadRecord {
  Record record;
  std::uint64_t line = 0;  // 1-based
  std::size_t length = 0;  // of the line as it stood in the log
  bool ended = true;       // false for a last line without newline, which may be cut
};

// A log's bytes to records, through lines and carriers. Reads in blocks of lines, with a thread of its own some
// ahead of their user; the records are the same with and without.
class RecordReader {
 public:
  struct Options {
    unsigned jobs = 1;
    bool live = false;                            // the log may go on for ever: no line that is here is held back
    std::function<void(std::uint64_t)> progress;  // with the bytes read so far, now and then, from either thread
    std::function<void()> before_wait;  // no line is here: the next one has to be waited for. From either, too
  };
  // The carrier that is forced must be one. The source must live as long.
  RecordReader(const Source& source, Options options);
  RecordReader(const RecordReader&) = delete;
  RecordReader(RecordReader&&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;
  RecordReader& operator=(RecordReader&&) = delete;
  ~RecordReader();

  // The next record; null at the end. It lives until the next call. idle: lines that cannot begin a report would change
  // nothing for the user, so that they may be passed over. An error is one of reading.
  base::Result<const ReadRecord*> next(bool idle);

  // For the document, at the end.
  [[nodiscard]] std::uint64_t bytes() const;  // of text, after decompression
  [[nodiscard]] std::uint64_t lines() const;
  [[nodiscard]] std::optional<std::string> carrier() const;
  [[nodiscard]] std::optional<std::string> compression() const;
  [[nodiscard]] std::optional<std::string> damage() const;  // why the input ended early, if it did

 private:
  class Block;
  class Blocks;  // makes them
  class Ahead;   // makes them on a thread

  std::unique_ptr<Blocks> blocks_;
  std::unique_ptr<Ahead> ahead_;  // null: without a thread
  std::unique_ptr<Block> block_;
  std::uint64_t idle_for_ = 0, asked_ = 0;  // how many times in a row, of how many, a block was wished for with idle
};

}  // namespace forensics

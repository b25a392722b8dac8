#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vm/protocol.h"

// Frames in and out of a non-blocking descriptor.
namespace vm {

struct Frame {
  FrameType type{};
  std::string_view payload;  // valid until the next fill()
};

// Cuts the bytes that come in into frames. Its buffer grows beyond two chunks only for a run frame.
class FrameReader {
 public:
  FrameReader();
  enum class Filled { bytes, nothing_yet, end };

  // One read(2). nothing_yet when the descriptor would block; end at end of file and when the other side is gone
  // (ECONNRESET, EPIPE).
  base::Result<Filled> fill(int fd);
  // The next whole frame, if there is one. A type that is not known or a length beyond what the type may have is a
  // parse error; stop reading then.
  base::Result<std::optional<Frame>> next();
  // Whether a frame has begun and not ended.
  [[nodiscard]] bool mid_frame() const { return end_ > begin_; }

 private:
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
};

// Frames waiting to be written. Whoever reads a stream into it stops while it is full(); control frames always fit.
class FrameWriter {
 public:
  FrameWriter();
  void put(FrameType type, std::string_view first, std::string_view second = {});
  // Writes what the descriptor takes. An error means that the other side is gone.
  base::Result<> flush(int fd);
  [[nodiscard]] bool empty() const { return begin_ == bytes_.size(); }
  [[nodiscard]] bool full() const { return bytes_.size() - begin_ >= 2 * kChunkBytes; }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
};

}  // namespace vm

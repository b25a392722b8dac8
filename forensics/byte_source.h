#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace forensics {

// A stream of bytes. Never maps a file: a log that shrinks while it is read would be a SIGBUS.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource(ByteSource&&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  ByteSource& operator=(ByteSource&&) = delete;
  virtual ~ByteSource() = default;
  // Fills from the front of `into`; 0 is the end.
  virtual base::Result<std::size_t> read(std::span<char> into) = 0;
  // "gzip", "xz", "zstd" once known.
  [[nodiscard]] virtual std::optional<std::string> compression() const { return std::nullopt; }
  // What is wrong with compressed data that ended early: the bytes before it were delivered.
  [[nodiscard]] virtual std::optional<std::string> damage() const { return std::nullopt; }
};

// Bytes of a descriptor, which must outlive the source.
std::unique_ptr<ByteSource> source_of_fd(int fd);
// Bytes in memory, which must outlive the source.
std::unique_ptr<ByteSource> source_of_memory(std::string_view bytes);
// Looks at the first bytes and undoes gzip, xz or zstd (also several members one after the other); anything else passes
// through.
std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> inner);

}  // namespace forensics

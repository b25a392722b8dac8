#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace base {

enum class Compression : std::uint8_t { gzip, xz, zstd };

// By the magic bytes (RFC 1952, xz-file-format.txt, RFC 8878), of which the longest has 6; nothing when it is none.
std::optional<Compression> compression_of(std::string_view bytes);
// "gzip", "xz", "zstd".
std::string_view to_string(Compression compression);

// Unpacks one member after the other, a piece at a time: zlib, liblzma and libzstd behind one shape. Bytes that ask for
// more than 256 MiB of memory (xz; a kernel's dictionary of 128 MiB needs half of that) or for a window of more than
// 128 MiB (zstd, its own limit, which --ultra -22 just meets) are an error.
class Codec {
 public:
  struct Step {
    std::size_t consumed = 0, produced = 0;
    bool member_end = false;  // of a gzip member, an xz stream, a zstd frame
    std::string error;        // what is wrong with the bytes, or that there is no memory; no step may follow
  };

  static std::unique_ptr<Codec> create(Compression compression);
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec(Codec&&) = delete;
  Codec& operator=(const Codec&) = delete;
  Codec& operator=(Codec&&) = delete;
  virtual ~Codec() = default;

  // Takes from the front of `in`, gives to the front of `out`. With no input it gives what it still holds.
  virtual Step step(std::span<const char> in, std::span<char> out) = 0;
  // For the next member.
  virtual void restart() = 0;
};

}  // namespace base

#include "vm/decompress.h"

#include <cstring>
#include <span>

#include <fmt/format.h>

#include "base/codec.h"

namespace vm {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kChunk = std::size_t{4} << 20;
constexpr std::string_view kLz4Legacy = "\x02\x21\x4c\x18"sv;

std::unexpected<base::Error> damaged(std::string_view format, std::string_view what) {
  return base::fail(base::ErrorKind::parse, fmt::format("{} data: {}", format, what));
}

std::unexpected<base::Error> too_large(std::string_view format, std::size_t limit) {
  return damaged(format, fmt::format("more than {} bytes unpacked", limit));
}

base::Result<std::string> unpack(std::string_view bytes, base::Compression compression, std::size_t limit) {
  const auto name = base::to_string(compression);
  const auto codec = base::Codec::create(compression);
  std::string out;
  std::size_t at = 0;
  while (true) {
    const std::size_t used = out.size();
    if (used > limit) {
      return too_large(name, limit);
    }
    out.resize(used + kChunk);
    const auto step = codec->step(std::span(bytes).subspan(at), std::span(out).subspan(used));
    at += step.consumed;
    out.resize(used + step.produced);
    if (!step.error.empty()) {
      return damaged(name, step.error);
    }
    if (step.member_end) {
      return out;
    }
    if (step.consumed == 0 && step.produced == 0) {
      return damaged(name, "cut short");
    }
  }
}

// One block of the LZ4 block format (lz4_Block_format.md): tokens of literals and matches. Every length is checked
// before it is used.
bool unpack_lz4_block(std::string_view in, std::string& out, std::size_t most) {
  const std::size_t start = out.size();
  std::size_t at = 0;
  const auto length = [&](std::size_t nibble) {
    std::size_t total = nibble;
    if (nibble == 15) {
      unsigned char more = 255;
      while (more == 255 && at < in.size() && total <= most) {
        more = static_cast<unsigned char>(in[at++]);
        total += more;
      }
    }
    return total;
  };
  while (at < in.size()) {
    const auto token = static_cast<unsigned char>(in[at++]);
    const std::size_t literals = length(token >> 4);
    if (literals > in.size() - at || literals > most - (out.size() - start)) {
      return false;
    }
    out.append(in, at, literals);
    at += literals;
    if (at == in.size()) {
      return true;  // the last token has literals only
    }
    if (in.size() - at < 2) {
      return false;
    }
    const auto distance =
        static_cast<std::size_t>(static_cast<unsigned char>(in[at]) | static_cast<unsigned char>(in[at + 1]) << 8);
    at += 2;
    const std::size_t match = length(token & 15) + 4;
    if (distance == 0 || distance > out.size() - start || match > most - (out.size() - start)) {
      return false;
    }
    for (std::size_t i = 0; i < match; ++i) {  // byte by byte: a match may overlap what it makes
      out += out[out.size() - distance];
    }
  }
  return true;
}

// The legacy frame that `lz4 -l` writes for kernels, behind its magic: blocks of 8 MiB unpacked, each with its packed
// size in front.
base::Result<std::string> unpack_lz4(std::string_view bytes, std::size_t limit) {
  constexpr std::size_t kBlock = std::size_t{8} << 20;
  std::string out;
  while (bytes.size() > 4) {  // the 4 bytes at the very end are the kernel's size word
    std::uint32_t packed = 0;
    std::memcpy(&packed, bytes.data(), 4);
    bytes.remove_prefix(4);
    if (packed > bytes.size() || !unpack_lz4_block(bytes.substr(0, packed), out, kBlock)) {
      return damaged("lz4", "damaged or cut short");
    }
    if (out.size() > limit) {
      return too_large("lz4", limit);
    }
    bytes.remove_prefix(packed);
  }
  return out;
}

}  // namespace

base::Result<std::optional<std::string>> decompressed(std::string_view bytes, std::size_t limit) {
  if (const auto compression = base::compression_of(bytes)) {
    return unpack(bytes, *compression, limit);
  }
  if (bytes.starts_with(kLz4Legacy)) {
    return unpack_lz4(bytes.substr(kLz4Legacy.size()), limit);
  }
  return std::nullopt;
}

}  // namespace vm

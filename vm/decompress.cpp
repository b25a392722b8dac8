#include "vm/decompress.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>

namespace vm {
namespace {

using namespace std::string_view_literals;

constexpr std::size_t kChunk = std::size_t{4} << 20;

std::unexpected<base::Error> damaged(std::string_view format, std::string_view what) {
  return base::fail(base::ErrorKind::parse, fmt::format("{} data: {}", format, what));
}

std::unexpected<base::Error> too_large(std::string_view format, std::size_t limit) {
  return damaged(format, fmt::format("more than {} bytes unpacked", limit));
}

base::Result<std::string> unpack_gzip(std::string_view bytes, std::size_t limit) {
  constexpr int kGzipOnly = 16 + MAX_WBITS;
  z_stream stream{};
  if (::inflateInit2(&stream, kGzipOnly) != Z_OK) {
    return damaged("gzip", "no memory");
  }
  const std::unique_ptr<z_stream, decltype(&::inflateEnd)> owner(&stream, &::inflateEnd);
  std::string in(bytes);  // zlib's interface takes a mutable pointer
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), UINT32_MAX));
  std::string out;
  int code = Z_OK;
  while (code == Z_OK) {
    const std::size_t used = out.size();
    if (used > limit) {
      return too_large("gzip", limit);
    }
    out.resize(used + kChunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(kChunk);
    code = ::inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  return code == Z_STREAM_END ? base::Result<std::string>(std::move(out)) : damaged("gzip", "damaged or cut short");
}

base::Result<std::string> unpack_xz(std::string_view bytes, std::size_t limit) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (::lzma_stream_decoder(&stream, std::uint64_t{1} << 30, 0) != LZMA_OK) {
    return damaged("xz", "no memory");
  }
  const std::unique_ptr<lzma_stream, decltype(&::lzma_end)> owner(&stream, &::lzma_end);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  std::string out;
  lzma_ret code = LZMA_OK;
  while (code == LZMA_OK) {
    const std::size_t used = out.size();
    if (used > limit) {
      return too_large("xz", limit);
    }
    out.resize(used + kChunk);
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data() + used);
    stream.avail_out = kChunk;
    code = ::lzma_code(&stream, LZMA_RUN);
    out.resize(out.size() - stream.avail_out);
  }
  return code == LZMA_STREAM_END ? base::Result<std::string>(std::move(out)) : damaged("xz", "damaged or cut short");
}

base::Result<std::string> unpack_zstd(std::string_view bytes, std::size_t limit) {
  const std::unique_ptr<ZSTD_DCtx, decltype(&::ZSTD_freeDCtx)> context(::ZSTD_createDCtx(), &::ZSTD_freeDCtx);
  constexpr int kLargestWindow = 27;  // the kernel is compressed with --ultra -22
  if (!context || ::ZSTD_isError(::ZSTD_DCtx_setParameter(context.get(), ZSTD_d_windowLogMax, kLargestWindow)) != 0) {
    return damaged("zstd", "no memory");
  }
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  std::string out;
  while (true) {
    const std::size_t used = out.size();
    if (used > limit) {
      return too_large("zstd", limit);
    }
    out.resize(used + kChunk);
    ZSTD_outBuffer target{out.data() + used, kChunk, 0};
    const std::size_t before = in.pos;
    const std::size_t left = ::ZSTD_decompressStream(context.get(), &target, &in);
    out.resize(used + target.pos);
    if (::ZSTD_isError(left) != 0) {
      return damaged("zstd", ::ZSTD_getErrorName(left));
    }
    if (left == 0) {
      return out;
    }
    if (target.pos == 0 && in.pos == before) {
      return damaged("zstd", "cut short");
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

// The legacy frame that `lz4 -l` writes for kernels: magic, then blocks of 8 MiB unpacked, each with its packed size in
// front.
base::Result<std::string> unpack_lz4(std::string_view bytes, std::size_t limit) {
  constexpr std::size_t kBlock = std::size_t{8} << 20;
  bytes.remove_prefix(4);
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

std::optional<Compression> compression_of(std::string_view bytes) {
  struct Magic {
    std::string_view bytes;
    Compression compression;
  };
  constexpr Magic kMagics[] = {{"\x1f\x8b\x08"sv, Compression::gzip},
                               {"\xfd"
                                "7zXZ\0"sv,
                                Compression::xz},
                               {"\x28\xb5\x2f\xfd"sv, Compression::zstd},
                               {"\x02\x21\x4c\x18"sv, Compression::lz4_legacy}};
  for (const auto& magic : kMagics) {
    if (bytes.starts_with(magic.bytes)) {
      return magic.compression;
    }
  }
  return std::nullopt;
}

base::Result<std::string> decompress(std::string_view bytes, Compression compression, std::size_t limit) {
  switch (compression) {
    case Compression::gzip:
      return unpack_gzip(bytes, limit);
    case Compression::xz:
      return unpack_xz(bytes, limit);
    case Compression::zstd:
      return unpack_zstd(bytes, limit);
    case Compression::lz4_legacy:
      break;
  }
  return bytes.size() < 4 ? damaged("lz4", "cut short") : unpack_lz4(bytes, limit);
}

}  // namespace vm

#include "base/codec.h"

#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace base {
namespace {

constexpr std::uint64_t kXzMemory = std::uint64_t{256} << 20;

struct Format {
  Compression compression;
  std::string_view name, magic;
};

using namespace std::string_view_literals;
constexpr std::array kFormats{Format{Compression::gzip, "gzip", "\x1f\x8b\x08"sv},
                              Format{Compression::xz, "xz",
                                     "\xfd"
                                     "7zXZ\0"sv},
                              Format{Compression::zstd, "zstd", "\x28\xb5\x2f\xfd"sv}};

class Gzip final : public Codec {
 public:
  Gzip() { (void)inflateInit2(&stream_, 15 + 16); }  // fails only without memory; step() then reports it
  Step step(std::span<const char> in, std::span<char> out) override {
    in = in.first(std::min(in.size(), kMost));
    out = out.first(std::min(out.size(), kMost));
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(out.size());
    const int status = inflate(&stream_, Z_NO_FLUSH);
    Step step{.consumed = in.size() - stream_.avail_in,
              .produced = out.size() - stream_.avail_out,
              .member_end = status == Z_STREAM_END,
              .error = {}};
    if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR) {
      step.error = stream_.msg != nullptr ? stream_.msg : "damaged";
    }
    return step;
  }
  void restart() override { (void)inflateReset(&stream_); }

 private:
  static constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
  z_stream stream_{};
  std::unique_ptr<z_stream, decltype(&inflateEnd)> end_{&stream_, &inflateEnd};
};

class Xz final : public Codec {
 public:
  Xz() { restart(); }
  Step step(std::span<const char> in, std::span<char> out) override {
    stream_.next_in = reinterpret_cast<const uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const auto status = ready_ ? lzma_code(&stream_, LZMA_RUN) : LZMA_MEM_ERROR;
    Step step{.consumed = in.size() - stream_.avail_in,
              .produced = out.size() - stream_.avail_out,
              .member_end = status == LZMA_STREAM_END,
              .error = {}};
    if (status != LZMA_OK && status != LZMA_STREAM_END && status != LZMA_BUF_ERROR) {
      step.error = fmt::format("damaged (lzma error {})", static_cast<int>(status));
    }
    return step;
  }
  void restart() override {
    lzma_end(&stream_);
    stream_ = LZMA_STREAM_INIT;
    ready_ = lzma_stream_decoder(&stream_, kXzMemory, 0) == LZMA_OK;
  }

 private:
  lzma_stream stream_ = LZMA_STREAM_INIT;
  std::unique_ptr<lzma_stream, decltype(&lzma_end)> end_{&stream_, &lzma_end};
  bool ready_ = false;
};

class Zstd final : public Codec {
 public:
  Step step(std::span<const char> in, std::span<char> out) override {
    ZSTD_inBuffer input{.src = in.data(), .size = in.size(), .pos = 0};
    ZSTD_outBuffer output{.dst = out.data(), .size = out.size(), .pos = 0};
    const auto status = ZSTD_decompressStream(stream_.get(), &output, &input);
    Step step{.consumed = input.pos, .produced = output.pos, .member_end = status == 0, .error = {}};
    if (ZSTD_isError(status) != 0) {
      step.error = ZSTD_getErrorName(status);
    }
    return step;
  }
  void restart() override { (void)ZSTD_initDStream(stream_.get()); }

 private:
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_{ZSTD_createDStream(), &ZSTD_freeDStream};
};

}  // namespace

std::optional<Compression> compression_of(std::string_view bytes) {
  const auto* const found =
      std::ranges::find_if(kFormats, [&](const Format& format) { return bytes.starts_with(format.magic); });
  return found == kFormats.end() ? std::nullopt : std::optional(found->compression);
}

std::string_view to_string(Compression compression) {
  return std::ranges::find(kFormats, compression, &Format::compression)->name;
}

std::unique_ptr<Codec> Codec::create(Compression compression) {
  switch (compression) {
    case Compression::gzip:
      return std::make_unique<Gzip>();
    case Compression::xz:
      return std::make_unique<Xz>();
    case Compression::zstd:
      break;
  }
  return std::make_unique<Zstd>();
}

}  // namespace base

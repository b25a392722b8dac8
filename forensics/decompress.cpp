#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "forensics/byte_source.h"

namespace forensics {
namespace {

constexpr std::size_t kInput = std::size_t{64} << 10;
constexpr std::uint64_t kXzMemory = std::uint64_t{256} << 20;

// One decompression library behind one shape: takes input, gives output, says when a member has ended or what is wrong.
struct Step {
  std::size_t consumed = 0, produced = 0;
  bool member_end = false;
  std::string error;
};

class Codec {
 public:
  Codec() = default;
  Codec(const Codec&) = delete;
  Codec(Codec&&) = delete;
  Codec& operator=(const Codec&) = delete;
  Codec& operator=(Codec&&) = delete;
  virtual ~Codec() = default;
  virtual Step step(std::span<const char> in, std::span<char> out) = 0;
  virtual void restart() = 0;
  [[nodiscard]] virtual std::string name() const = 0;
};

class Gzip final : public Codec {
 public:
  Gzip() { (void)inflateInit2(&stream_, 15 + 16); }  // fails only without memory; step() then reports it
  Step step(std::span<const char> in, std::span<char> out) override {
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
  [[nodiscard]] std::string name() const override { return "gzip"; }

 private:
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
  [[nodiscard]] std::string name() const override { return "xz"; }

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
  [[nodiscard]] std::string name() const override { return "zstd"; }

 private:
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_{ZSTD_createDStream(), &ZSTD_freeDStream};
};

std::unique_ptr<Codec> codec_for(std::string_view first) {
  if (first.starts_with(std::string_view("\x1f\x8b\x08", 3))) {
    return std::make_unique<Gzip>();
  }
  if (first.starts_with(std::string_view("\xfd"
                                         "7zXZ\0",
                                         6))) {
    return std::make_unique<Xz>();
  }
  if (first.starts_with(std::string_view("\x28\xb5\x2f\xfd", 4))) {
    return std::make_unique<Zstd>();
  }
  return nullptr;
}

class Decompressed final : public ByteSource {
 public:
  explicit Decompressed(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}

  base::Result<std::size_t> read(std::span<char> into) override {
    if (!looked_) {
      TRY(look());
    }
    if (!codec_) {
      return read_plain(into);
    }
    while (!done_) {
      if (begin_ == end_) {
        TRY(refill());
      }
      if (at_member_end_ && begin_ != end_) {
        codec_->restart();
        at_member_end_ = false;
      }
      if (const auto produced = decode(into); produced > 0) {
        return produced;
      }
    }
    return 0U;
  }

  [[nodiscard]] std::optional<std::string> compression() const override {
    return codec_ ? std::optional(codec_->name()) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::string> damage() const override { return damage_; }

 private:
  base::Result<> look() {
    looked_ = true;
    while (end_ < 6) {
      TRY_ASSIGN(const auto count, inner_->read(std::span(input_).subspan(end_)));
      if (count == 0) {
        break;
      }
      end_ += count;
    }
    codec_ = codec_for(std::string_view(input_.data(), end_));
    return {};
  }

  // Takes more of the compressed bytes. At their end what the library still holds comes out with no input.
  base::Result<> refill() {
    TRY_ASSIGN(end_, inner_->read(input_));
    begin_ = 0;
    if (end_ == 0) {
      done_ = true;
      if (!at_member_end_) {
        damage_ = "the compressed data ends early";
      }
    }
    return {};
  }

  // One step of the library: how many bytes it gave.
  std::size_t decode(std::span<char> into) {
    const auto step = codec_->step(std::span(input_).subspan(begin_, end_ - begin_), into);
    begin_ += step.consumed;
    at_member_end_ = step.member_end;
    const bool stuck = step.consumed == 0 && step.produced == 0 && begin_ != end_ && !step.member_end;
    if (!step.error.empty() || stuck) {
      done_ = true;
      damage_ = step.error.empty() ? "damaged" : step.error;
    }
    return step.produced;
  }

  base::Result<std::size_t> read_plain(std::span<char> into) {
    if (begin_ < end_) {
      const auto count = std::min(into.size(), end_ - begin_);
      std::memcpy(into.data(), input_.data() + begin_, count);
      begin_ += count;
      return count;
    }
    return inner_->read(into);
  }

  std::unique_ptr<ByteSource> inner_;
  std::unique_ptr<Codec> codec_;
  std::array<char, kInput> input_{};
  std::size_t begin_ = 0, end_ = 0;
  bool looked_ = false, done_ = false, at_member_end_ = false;
  std::optional<std::string> damage_;
};

}  // namespace

std::unique_ptr<ByteSource> decompressed(std::unique_ptr<ByteSource> inner) {
  return std::make_unique<Decompressed>(std::move(inner));
}

}  // namespace forensics

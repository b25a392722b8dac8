#include <algorithm>
#include <array>
#include <cstring>

#include "base/codec.h"
#include "forensics/byte_source.h"

namespace forensics {
namespace {

constexpr std::size_t kInput = std::size_t{64} << 10;

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
    return compression_ ? std::optional(std::string(base::to_string(*compression_))) : std::nullopt;
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
    compression_ = base::compression_of(std::string_view(input_.data(), end_));
    if (compression_) {
      codec_ = base::Codec::create(*compression_);
    }
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
  std::optional<base::Compression> compression_;
  std::unique_ptr<base::Codec> codec_;
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

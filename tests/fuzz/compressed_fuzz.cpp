// Any bytes as gzip, xz or zstd, damaged, cut or a bomb. Reading ends, or goes on for as long as it gives bytes; it
// gives the same however the compressed bytes come in; and what one of the libraries packed comes out again. An input
// that begins with 'P' is packed first: 'P', which library, how much to cut off, which byte to damage, the text.
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/byte_source.h"
#include "forensics/line_reader.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::check;

constexpr std::size_t kMost = std::size_t{1} << 20;  // a bomb is left after so much

// Bytes in memory, a few at a time.
class Drip final : public forensics::ByteSource {
 public:
  Drip(std::string_view bytes, std::size_t most) : rest_(bytes), most_(most) {}
  base::Result<std::size_t> read(std::span<char> into) override {
    const auto count = rest_.copy(into.data(), std::min(into.size(), most_));
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
  std::size_t most_;
};

struct Unpacked {
  std::string bytes;
  bool ended = false;
  bool damaged = false;
  std::optional<std::string> compression;
  friend bool operator==(const Unpacked&, const Unpacked&) = default;
};

Unpacked unpack(std::string_view packed, std::size_t most_in, std::size_t most_out) {
  const auto source = forensics::decompressed(std::make_unique<Drip>(packed, most_in));
  Unpacked out;
  std::vector<char> buffer(most_out);
  while (out.bytes.size() < kMost && !out.ended) {
    const auto got = source->read(buffer);
    check(got && *got <= buffer.size(), "bytes in memory can be read");
    out.bytes.append(buffer.data(), *got);
    out.ended = *got == 0;
  }
  if (out.ended) {
    const auto again = source->read(buffer);
    check(again && *again == 0, "the end stays the end");
  }
  out.damaged = source->damage().has_value();
  out.compression = source->compression();
  return out;
}

bool have_same_start(const Unpacked& one, const Unpacked& other) {
  const auto length = std::min(one.bytes.size(), other.bytes.size());
  return std::string_view(one.bytes).substr(0, length) == std::string_view(other.bytes).substr(0, length);
}

void read_lines(std::string_view packed, const Unpacked& unpacked) {
  forensics::LineReader reader(forensics::decompressed(forensics::source_of_memory(packed)));
  bool more = true;
  while (more && reader.bytes() < kMost) {
    const auto line = reader.next();
    check(line.has_value(), "bytes in memory can be read");
    more = line->has_value();
  }
  check(more || !unpacked.ended || reader.bytes() == unpacked.bytes.size(), "all bytes are read as lines");
}

Unpacked unpack_in_every_way(std::string_view packed) {
  const auto whole = unpack(packed, packed.size() + 1, std::size_t{256} << 10);
  const auto dripped = unpack(packed, 1 + packed.size() % 7, std::size_t{64} << 10);
  check(whole.compression == dripped.compression, "what it is does not depend on how it comes in");
  // Of a damaged block the libraries give more or less; zstd misses a wrong size of the content when it comes in
  // pieces.
  check(!whole.ended || whole == dripped || ((whole.damaged || dripped.damaged) && have_same_start(whole, dripped)),
        "what comes out does not depend on how it comes in");
  read_lines(packed, whole);
  return whole;
}

std::string pack(unsigned library, std::string_view text) {
  std::string packed(text.size() + text.size() / 2 + 1024, '\0');
  std::size_t size = 0;
  if (library == 0) {
    z_stream stream{};
    check(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib works");
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    check(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib packs");
    size = stream.total_out;
    (void)deflateEnd(&stream);
  } else if (library == 1) {
    check(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                  text.size(), reinterpret_cast<std::uint8_t*>(packed.data()), &size,
                                  packed.size()) == LZMA_OK,
          "xz packs");
  } else {
    size = ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1);
    check(ZSTD_isError(size) == 0, "zstd packs");
  }
  packed.resize(size);
  return packed;
}

void pack_and_unpack(std::string_view input) {
  constexpr std::size_t kHeader = 4;
  const auto byte = [&](std::size_t at) { return at < input.size() ? static_cast<unsigned char>(input[at]) : 0U; };
  const auto text = input.substr(std::min(kHeader, input.size()));
  const auto whole = pack(byte(1) % 3, text);
  const auto out = unpack_in_every_way(whole);
  check(out.ended && !out.damaged && out.compression && out.bytes == text, "what was packed comes out");
  const auto both = unpack_in_every_way(whole + pack(byte(1) / 3 % 3, text));
  check(both.bytes.starts_with(text), "what is behind it does not matter");
  const auto cut = unpack_in_every_way(
      std::string_view(whole).substr(0, whole.size() - std::min<std::size_t>(byte(2), whole.size())));
  check(!cut.compression || text.starts_with(cut.bytes), "the rest comes out");
  check(!cut.compression || byte(2) == 0 || cut.damaged, "a cut is told of");
  if (byte(3) != 0) {
    auto damaged = whole;
    damaged[byte(3) % damaged.size()] ^= static_cast<char>(byte(2) | 1U);
    (void)unpack_in_every_way(damaged);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  if (input.starts_with("P")) {
    pack_and_unpack(input);
  } else {
    const auto out = unpack_in_every_way(input);
    check(out.compression || out.bytes == input, "what is not packed passes through");
  }
  return 0;
}

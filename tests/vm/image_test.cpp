#include "vm/image.h"

#include <elf.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>

#include <gtest/gtest.h>

#include "vm/decompress.h"

namespace vm {
namespace {

using namespace std::string_literals;

std::string fake_elf(bool pvh) {
  std::string elf(256 + 5000, 'x');
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_phoff = sizeof header;
  header.e_phnum = 1;
  Elf64_Phdr segment{};
  segment.p_type = PT_NOTE;
  segment.p_offset = sizeof header + sizeof segment;
  segment.p_filesz = 2 * (sizeof(Elf64_Nhdr) + 8);
  const Elf64_Nhdr other{.n_namesz = 4, .n_descsz = 4, .n_type = 6};
  const Elf64_Nhdr entry{.n_namesz = 4, .n_descsz = 4, .n_type = pvh ? 18U : 19U};
  std::memcpy(elf.data(), &header, sizeof header);
  std::memcpy(elf.data() + header.e_phoff, &segment, sizeof segment);
  char* at = elf.data() + segment.p_offset;
  for (const auto& note : {other, entry}) {
    std::memcpy(at, &note, sizeof note);
    std::memcpy(at + sizeof note, "Xen\0addr", 8);
    at += sizeof note + 8;
  }
  return elf;
}

std::string fake_bzimage(const std::string& payload) {
  std::string bytes(5 * 512 + 64, '\0');
  const auto put = [&](std::size_t at, std::uint32_t value, std::size_t size) {
    std::memcpy(bytes.data() + at, &value, size);
  };
  put(0x1f1, 4, 1);
  bytes.replace(0x202, 4, "HdrS");
  put(0x206, 0x20f, 2);
  put(0x20e, 0x200, 2);
  const auto version = "6.1.0-56-cloud-amd64 (debian@x) #1 SMP"s;
  bytes.replace(0x400, version.size(), version);
  put(0x248, 64, 4);
  put(0x24c, static_cast<std::uint32_t>(payload.size()), 4);
  return bytes + payload;
}

enum class Packed { gzip, xz, zstd, lz4_legacy };

std::string pack(Packed how, const std::string& bytes) {
  std::string out(bytes.size() + 4096, '\0');
  std::size_t used = 0;
  switch (how) {
    case Packed::zstd:
      used = ::ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1);
      break;
    case Packed::xz:
      EXPECT_EQ(
          ::lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    bytes.size(), reinterpret_cast<std::uint8_t*>(out.data()), &used, out.size()),
          LZMA_OK);
      break;
    case Packed::gzip: {
      z_stream stream{};
      EXPECT_EQ(::deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
      auto in = bytes;
      stream.next_in = reinterpret_cast<Bytef*>(in.data());
      stream.avail_in = static_cast<uInt>(in.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      EXPECT_EQ(::deflate(&stream, Z_FINISH), Z_STREAM_END);
      used = stream.total_out;
      ::deflateEnd(&stream);
      break;
    }
    case Packed::lz4_legacy: {  // one block of literals only: token 15, then the rest of the length by 255s
      std::string block = "\xf0";
      std::size_t left = bytes.size() - 15;
      for (; left >= 255; left -= 255) {
        block += '\xff';
      }
      block += static_cast<char>(left);
      block += bytes;
      const auto size = static_cast<std::uint32_t>(block.size());
      return "\x02\x21\x4c\x18" + std::string(reinterpret_cast<const char*>(&size), 4) + block;
    }
  }
  out.resize(used);
  return out;
}

class Payload : public testing::TestWithParam<Packed> {};

TEST_P(Payload, IsUnpackedWhateverFollows) {
  const auto elf = fake_elf(true);
  const auto packed = pack(GetParam(), elf);
  EXPECT_EQ(decompressed(packed).value(), elf);
  EXPECT_EQ(extract_vmlinux(fake_bzimage(packed + "\x10\x20\0\0"s)).value(), elf);
}

TEST_P(Payload, NoPartOfItIsTakenForTheWhole) {
  const auto packed = pack(GetParam(), fake_elf(true));
  for (std::size_t size = 0; size + 8 < packed.size(); size += 13) {
    EXPECT_FALSE(extract_vmlinux(fake_bzimage(packed.substr(0, size)))) << size;
  }
}

TEST_P(Payload, DamageNeverCrashes) {
  const auto packed = pack(GetParam(), fake_elf(true));
  for (std::size_t at = 0; at < packed.size(); at += 7) {
    auto damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x5a);
    (void)extract_vmlinux(fake_bzimage(damaged));  // an answer or an error, both are right
  }
}

TEST_P(Payload, TheLimitHolds) {
  const auto packed = pack(GetParam(), std::string(std::size_t{6} << 20, 'a'));
  EXPECT_FALSE(decompressed(packed, 1000));
}

INSTANTIATE_TEST_SUITE_P(All, Payload, testing::Values(Packed::gzip, Packed::xz, Packed::zstd, Packed::lz4_legacy));

TEST(Lz4, MatchesThatOverlapWhatTheyMake) {
  const auto packed = "\x02\x21\x4c\x18\x09\0\0\0\x1f"s + "a\x01\0\x03"s + "\x30xyz"s;
  EXPECT_EQ(decompressed(packed).value(), std::string(1 + 4 + 15 + 3, 'a') + "xyz");
}

TEST(Lz4, AMatchBeforeTheStartIsDamage) {
  EXPECT_FALSE(decompressed("\x02\x21\x4c\x18\x05\0\0\0\x11"s + "a\x02\0\0"s));
}

TEST(BzImage, Release) {
  EXPECT_EQ(bzimage_release(fake_bzimage("")), "6.1.0-56-cloud-amd64");
}

TEST(BzImage, HostileHeaders) {
  const auto good = fake_bzimage(pack(Packed::zstd, fake_elf(true)));
  struct Row {
    std::size_t at;
    std::string bytes;
    const char* message;
  };
  for (const auto& [at, bytes, message] : {
           Row{0x202, "hdrS", "not a bzImage kernel: no setup header"},
           Row{0x206, "\x07\x02", "not a bzImage kernel: boot protocol older than 2.08"},
           Row{0x248, "\xff\xff\xff\xff", "not a bzImage kernel: the payload reaches beyond the end"},
           Row{0x24c, "\xff\xff\xff\xff", "not a bzImage kernel: the payload reaches beyond the end"},
           Row{0x248, "\x10\0\0\0"s, "not a bzImage kernel: the payload's compression is not gzip, xz, zstd or lz4"},
       }) {
    auto image = good;
    image.replace(at, bytes.size(), bytes);
    const auto elf = extract_vmlinux(image);
    ASSERT_FALSE(elf) << message;
    EXPECT_EQ(elf.error().message, message);
  }
  for (std::size_t size = 0; size < 0x250; ++size) {
    EXPECT_FALSE(extract_vmlinux(good.substr(0, size)));
    EXPECT_FALSE(bzimage_release(good.substr(0, size)));
  }
  auto wild = good;
  wild.replace(0x20e, 2, "\xff\xff");
  EXPECT_EQ(bzimage_release(wild).error().message, "not a bzImage kernel: the version's text is outside");
  wild = good;
  wild.replace(0x400, 9, "../../x y");  // the release becomes a folder's name
  EXPECT_EQ(bzimage_release(wild).error().message, "not a bzImage kernel: the version's text is damaged");
}

TEST(PvhNote, IsFoundAmongOthers) {
  EXPECT_TRUE(has_pvh_note(fake_elf(true)));
  EXPECT_FALSE(has_pvh_note(fake_elf(false)));
  EXPECT_FALSE(has_pvh_note(""));
}

TEST(PvhNote, HostileFilesNeverCrash) {
  const auto good = fake_elf(true);
  for (std::size_t at = 0; at < 200; ++at) {
    for (const char byte : {'\xff', '\x7f', '\0'}) {
      auto damaged = good;
      damaged[at] = byte;
      (void)has_pvh_note(damaged);
      (void)has_pvh_note(std::string_view(damaged).substr(0, at));
    }
  }
}

}  // namespace
}  // namespace vm

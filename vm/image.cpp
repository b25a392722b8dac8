#include "vm/image.h"

#include <elf.h>

#include <cstdint>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "vm/cache.h"
#include "vm/decompress.h"

namespace vm {
namespace {

// Offsets in the setup header.
constexpr std::size_t kSetupSectors = 0x1f1, kMagic = 0x202, kProtocol = 0x206, kVersionText = 0x20e;
constexpr std::size_t kPayloadOffset = 0x248, kPayloadLength = 0x24c, kHeaderEnd = 0x250;
constexpr std::size_t kSector = 512;

template <typename T>
T load(std::string_view bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::unexpected<base::Error> no_bzimage(std::string_view why) {
  return base::fail(base::ErrorKind::parse, fmt::format("not a bzImage kernel: {}", why));
}

base::Result<> check_header(std::string_view bytes) {
  if (bytes.size() < kHeaderEnd) {
    return no_bzimage("too short");
  }
  if (bytes.substr(kMagic, 4) != "HdrS") {
    return no_bzimage("no setup header");
  }
  if (load<std::uint16_t>(bytes, kProtocol) < 0x208) {  // payload_offset is there since 2.6.26
    return no_bzimage("boot protocol older than 2.08");
  }
  return {};
}

}  // namespace

base::Result<std::string> bzimage_release(std::string_view head) {
  TRY(check_header(head));
  const std::size_t at = load<std::uint16_t>(head, kVersionText) + kSector;
  if (at >= head.size()) {
    return no_bzimage("the version's text is outside");
  }
  const auto text = head.substr(at, 256);
  const auto release = text.substr(0, text.find_first_of(std::string_view(" \0", 2)));
  for (const char c : release) {
    if (c <= ' ' || c > '~' || c == '/') {
      return no_bzimage("the version's text is damaged");
    }
  }
  if (release.empty() || release.size() == text.size() || release.starts_with('.')) {
    return no_bzimage("the version's text is damaged");
  }
  return std::string(release);
}

base::Result<std::string> extract_vmlinux(std::string_view bzimage) {
  TRY(check_header(bzimage));
  const auto sectors = static_cast<unsigned char>(bzimage[kSetupSectors]);
  const std::size_t start =
      (std::size_t{sectors == 0 ? 4U : sectors} + 1) * kSector + load<std::uint32_t>(bzimage, kPayloadOffset);
  const std::size_t length = load<std::uint32_t>(bzimage, kPayloadLength);
  if (start > bzimage.size() || length > bzimage.size() - start) {
    return no_bzimage("the payload reaches beyond the end");
  }
  TRY_ASSIGN(auto unpacked, decompressed(bzimage.substr(start, length)));
  if (!unpacked) {
    return no_bzimage("the payload's compression is not gzip, xz, zstd or lz4");
  }
  std::string elf = std::move(unpacked).value_or("");
  if (!elf.starts_with(ELFMAG) || elf.size() < sizeof(Elf64_Ehdr) || elf[EI_CLASS] != ELFCLASS64) {
    return no_bzimage("the payload is not a 64-bit ELF file");
  }
  return elf;
}

bool has_pvh_note(std::string_view elf) {
  constexpr std::uint32_t kPhys32Entry = 18;
  if (elf.size() < sizeof(Elf64_Ehdr) || !elf.starts_with(ELFMAG)) {
    return false;
  }
  const auto header = load<Elf64_Ehdr>(elf, 0);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    const std::size_t at = header.e_phoff + i * sizeof(Elf64_Phdr);
    if (header.e_phoff > elf.size() || elf.size() - header.e_phoff < (i + 1) * sizeof(Elf64_Phdr)) {
      return false;
    }
    const auto segment = load<Elf64_Phdr>(elf, at);
    if (segment.p_type != PT_NOTE || segment.p_offset > elf.size() ||
        segment.p_filesz > elf.size() - segment.p_offset) {
      continue;
    }
    auto notes = elf.substr(segment.p_offset, segment.p_filesz);
    while (notes.size() >= sizeof(Elf64_Nhdr)) {
      const auto note = load<Elf64_Nhdr>(notes, 0);
      const std::size_t size = sizeof note + ((std::size_t{note.n_namesz} + 3) & ~std::size_t{3}) +
                               ((std::size_t{note.n_descsz} + 3) & ~std::size_t{3});
      if (size > notes.size()) {
        break;
      }
      if (note.n_type == kPhys32Entry && notes.substr(sizeof note, 4) == std::string_view("Xen\0", 4)) {
        return true;
      }
      notes.remove_prefix(size);
    }
  }
  return false;
}

base::Result<std::filesystem::path> bootable_image(const std::filesystem::path& image) {
  TRY_ASSIGN(const auto folder, make_cache_folder("vmlinux"));
  auto kept = folder / cache_key(file_stamp(image));
  if (std::filesystem::exists(kept)) {
    return kept;
  }
  TRY_ASSIGN(const auto bytes, base::read_all(image));
  if (bytes.starts_with(ELFMAG)) {
    return image;
  }
  const auto elf = extract_vmlinux(bytes);
  if (!elf || !has_pvh_note(*elf)) {
    TRY(bzimage_release(bytes));  // not a kernel at all: say so
    return image;
  }
  TRY(base::write_file_atomic(kept, *elf, 0600));
  return kept;
}

}  // namespace vm

#include "vm/identity.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <string_view>

#include <fmt/format.h>

namespace vm {

namespace {

// The description of the note NT_GNU_BUILD_ID in a segment of notes (elf(5)), or nothing.
std::string find_build_id(std::string_view notes) {
  const auto padded = [](std::size_t size) { return (size + 3) & ~std::size_t{3}; };
  while (notes.size() >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) header{};
    std::memcpy(&header, notes.data(), sizeof header);
    const std::size_t name = sizeof header, description = name + padded(header.n_namesz);
    const std::size_t next = description + padded(header.n_descsz);
    if (next > notes.size()) {
      break;
    }
    if (header.n_type == NT_GNU_BUILD_ID && notes.substr(name, header.n_namesz) == std::string_view("GNU\0", 4)) {
      std::string hex;
      for (const char byte : notes.substr(description, header.n_descsz)) {
        hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
      }
      return hex;
    }
    notes.remove_prefix(next);
  }
  return {};
}

// Called with the program itself first; returning 1 ends the walk (dl_iterate_phdr(3)).
int read_program_notes(dl_phdr_info* object, std::size_t, void* found) {
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    if (segment.p_type == PT_NOTE) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
      const auto* start = reinterpret_cast<const char*>(object->dlpi_addr + segment.p_vaddr);
      if (auto id = find_build_id({start, segment.p_memsz}); !id.empty()) {
        *static_cast<std::string*>(found) = std::move(id);
        break;
      }
    }
  }
  return 1;
}

}  // namespace

std::string own_identity() {
  std::string identity;
  (void)::dl_iterate_phdr(read_program_notes, &identity);  // returns what the callback returned
  return identity.empty() ? "oomlab " OOMLAB_VERSION : identity;
}

}  // namespace vm

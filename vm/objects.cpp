#include "vm/objects.h"

#include <elf.h>
#include <link.h>

#include <cstring>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/sha256.h"
#include "vm/cache.h"

namespace vm {
namespace {

// The build ID among the notes of a mapped object, in hexadecimal; "" when it has none.
std::string build_id(const dl_phdr_info& info) {
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const auto& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) {
      continue;
    }
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader tells addresses as numbers
    std::string_view notes(reinterpret_cast<const char*>(info.dlpi_addr + segment.p_vaddr), segment.p_memsz);
    const std::size_t align = segment.p_align == 8 ? 8 : 4;
    const auto padded = [align](std::size_t size) { return (size + align - 1) / align * align; };
    while (notes.size() >= sizeof(ElfW(Nhdr))) {
      ElfW(Nhdr) note;
      std::memcpy(&note, notes.data(), sizeof note);
      const std::size_t description = padded(sizeof note + note.n_namesz);
      const std::size_t size = padded(description + note.n_descsz);
      if (description + note.n_descsz > notes.size()) {
        break;
      }
      if (note.n_type == NT_GNU_BUILD_ID && notes.substr(sizeof note, 4) == std::string_view("GNU\0", 4)) {
        std::string hex;
        for (const char byte : notes.substr(description, note.n_descsz)) {
          hex += fmt::format("{:02x}", static_cast<unsigned char>(byte));
        }
        return hex;
      }
      notes.remove_prefix(std::min(size, notes.size()));
    }
  }
  return {};
}

int collect(dl_phdr_info* info, std::size_t /*size*/, void* data) {
  auto& objects = *static_cast<std::vector<LoadedObject>*>(data);
  const std::string name = info->dlpi_name != nullptr ? info->dlpi_name : "";
  if (!objects.empty() && !name.starts_with('/')) {
    return 0;  // the vDSO
  }
  objects.push_back({.path = name, .file = name, .identity = build_id(*info)});
  if (objects.size() == 1) {
    objects.front().path.clear();
    objects.front().file = "/proc/self/exe";
  }
  return 0;
}

}  // namespace

std::vector<LoadedObject> loaded_objects() {
  std::vector<LoadedObject> objects;
  ::dl_iterate_phdr(collect, &objects);
  for (auto& object : objects) {
    if (object.identity.empty()) {
      const auto bytes = base::read_all(object.file);
      object.identity = bytes ? base::sha256_hex(*bytes) : "unreadable";
    }
  }
  return objects;
}

std::string program_identity(const std::vector<LoadedObject>& objects) {
  std::string text;
  for (const auto& object : objects) {
    text += fmt::format("{} {}\n", object.path, object.identity);
  }
  return cache_key(text);
}

}  // namespace vm

#include "vm/initramfs.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <system_error>

#include <fmt/format.h>

#include "base/file.h"
#include "vm/cache.h"
#include "vm/cpio.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLayout =
    "1";  // counts up when the archive's shape changes, so that kept ones are not used again

// An ELF file without what is never mapped (symbols, debug information, the section table): the guest's RAM and the
// snapshot are smaller by it.
std::string_view loadable_part(std::string& elf) {
  Elf64_Ehdr header{};
  if (elf.size() < sizeof header || !elf.starts_with(ELFMAG) || elf[EI_CLASS] != ELFCLASS64) {
    return elf;
  }
  std::memcpy(&header, elf.data(), sizeof header);
  std::size_t end = header.e_phoff + std::size_t{header.e_phnum} * sizeof(Elf64_Phdr);
  if (end > elf.size()) {
    return elf;
  }
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    std::memcpy(&segment, elf.data() + header.e_phoff + i * sizeof segment, sizeof segment);
    end = std::max<std::size_t>(end, segment.p_offset + segment.p_filesz);
  }
  header.e_shoff = 0;
  header.e_shnum = header.e_shstrndx = 0;
  std::memcpy(elf.data(), &header, sizeof header);
  return std::string_view(elf).substr(0, end);
}

// What changes when a module's file does, without reading them all.
std::string modules_stamp(const fs::path& folder) {
  if (folder.empty()) {
    return "no modules";
  }
  if (const auto table = file_stamp(folder / "modules.dep"); !table.empty()) {
    return table;
  }
  std::vector<std::string> stamps;
  for (const auto& [name, path] : find_modules(folder)) {
    stamps.push_back(file_stamp(path));
  }
  std::string text;
  for (const auto& stamp : stamps) {
    text += stamp + "\n";
  }
  return text;
}

}  // namespace

base::Result<std::string> build_initramfs(const std::vector<LoadedObject>& objects,
                                          const std::vector<Module>& modules) {
  CpioWriter cpio;
  for (const auto* folder : {"/dev", "/proc", "/sys", "/host", "/tmp", "/run", "/modules"}) {
    cpio.folder(folder);
  }
  cpio.character_device("/dev/console", 5, 1);
  // The guest has no ld.so.cache: what lies outside the folder of libc.so.6, which the loader always searches, gets a
  // link there.
  std::string trusted;
  for (const auto& object : objects) {
    if (fs::path(object.path).filename().native().starts_with("libc.so")) {
      trusted = fs::path(object.path).parent_path();
    }
  }
  for (const auto& object : objects) {
    TRY_ASSIGN(std::string bytes, base::read_all(object.file));
    cpio.file(object.path.empty() ? "/init" : object.path, loadable_part(bytes), 0755);
    const fs::path path = object.path;
    if (!trusted.empty() && !object.path.empty() && path.parent_path() != trusted) {
      cpio.link((fs::path(trusted) / path.filename()).native(), object.path);
    }
  }
  std::string order;
  for (const auto& module : modules) {
    const auto path = fmt::format("/modules/{}.ko", module.name);
    cpio.file(path, module.bytes);
    order += path + "\n";
  }
  cpio.file("/modules/order", order);
  return cpio.finish();
}

base::Result<Initramfs> initramfs_for(const Kernel& kernel) {
  const auto objects = loaded_objects();
  TRY_ASSIGN(const auto folder, make_cache_folder("initramfs"));
  const auto identity = cache_key(
      fmt::format("{}\n{}\n{}\n{}", kLayout, program_identity(objects), kernel.release, modules_stamp(kernel.modules)));
  Initramfs made{.file = folder / (identity + ".cpio"), .identity = identity};
  std::error_code error;
  if (fs::exists(made.file, error)) {
    return made;
  }
  TRY_ASSIGN(const auto modules,
             resolve_modules(find_modules(kernel.modules), {std::begin(kGuestModules), std::end(kGuestModules)}));
  TRY_ASSIGN(const auto archive, build_initramfs(objects, modules));
  TRY(base::write_file_atomic(made.file, archive, 0600));
  return made;
}

}  // namespace vm

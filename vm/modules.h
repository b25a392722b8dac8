#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// The few kernel modules the guest needs, with what they depend on, in the order of loading.
namespace vm {

// The modules the guest asks for by name: its devices, the host's files, the overlay above them, swap. One without a
// file is built in.
inline constexpr const char* kGuestModules[] = {"virtio_pci", "virtio_console", "fuse", "overlay", "lzo_rle", "zram"};

// Module files below a folder by name ('-' as '_', as the kernel names them): *.ko, *.ko.xz, *.ko.zst, *.ko.gz.
std::map<std::string, std::filesystem::path> find_modules(const std::filesystem::path& folder);

// The names in "depends=" of a module's .modinfo section (an uncompressed .ko); empty when it needs none. kind parse
// when this is no module.
base::Result<std::vector<std::string>> module_dependencies(std::string_view elf);

struct Module {
  std::string name;   // "virtio_pci"
  std::string bytes;  // the .ko, uncompressed
};

// The wanted modules and their dependencies, each after what it needs and once. Names without a file are built in and
// left out.
base::Result<std::vector<Module>> resolve_modules(const std::map<std::string, std::filesystem::path>& files,
                                                  const std::vector<std::string>& wanted);

}  // namespace vm

#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "vm/kernel.h"
#include "vm/modules.h"
#include "vm/objects.h"

// The guest's first file system: /init is this very program, with the shared objects it needs; /modules/NAME.ko in the
// order of /modules/order (one path a line); empty /proc /sys /dev /host /tmp /run.
namespace vm {

// The archive's bytes.
base::Result<std::string> build_initramfs(const std::vector<LoadedObject>& objects, const std::vector<Module>& modules);

struct Initramfs {
  std::filesystem::path file;
  std::string identity;  // of program, objects and modules: 32 hexadecimal digits
};

// The one for this program and kernel, kept in the cache; made now when it is not there.
base::Result<Initramfs> initramfs_for(const Kernel& kernel);

}  // namespace vm

#pragma once

#include <filesystem>
#include <string>
#include <vector>

// What this process is made of: its executable and the shared objects it has mapped (dl_iterate_phdr(3)).
namespace vm {

struct LoadedObject {
  std::string path;            // where the dynamic loader found it; "" for the executable itself
  std::filesystem::path file;  // to read its bytes from: "/proc/self/exe" for the executable
  std::string identity;        // its GNU build ID, else a hash of its bytes: equal only for the same build
};

// The executable first. A static program has no others.
std::vector<LoadedObject> loaded_objects();

// Identity of the executable and all its objects: the same program in the guest has the same.
std::string program_identity(const std::vector<LoadedObject>& objects);

}  // namespace vm

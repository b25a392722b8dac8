#pragma once

#include <string>

namespace vm {

// What tells this binary from every other build: the linker's build id (ld(1) --build-id) in hexadecimal, or the
// version where the linker gave none.
std::string own_identity();

}  // namespace vm

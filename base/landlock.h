#pragma once

#include <filesystem>
#include <span>

#include "base/result.h"

// One of the two fences of base/sandbox.h, see landlock(7).
namespace base {

// Forbids this thread, and all it will start, to reach anything by a path, to use TCP and to signal processes outside,
// except for renaming and removing files in the folders (no new symbolic links, devices or folders there). What is open
// stays usable. Returns the ABI in force. Needs no_new_privs.
Result<int> forbid_paths(std::span<const std::filesystem::path> replace_files_in);

}  // namespace base

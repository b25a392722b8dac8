#pragma once

#include <string>

#include "base/result.h"

// What a workload makes that must be gone with it, also when it is killed: it makes it in namespaces of its own.
namespace stress {

// From now on only this process and its children see the mounts it makes, and the System V objects: all of them go with
// the last of these processes. An ordinary user needs a user namespace for it (user_namespaces(7)).
base::Result<> enter_private_mounts();
base::Result<> enter_private_ipc();

// A tmpfs of our own without a limit over the folder, after enter_private_mounts().
base::Result<> mount_private_tmpfs(const std::string& folder);

}  // namespace stress

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "base/result.h"

namespace cgroup {

// The limits that this very process lives under, as far as its cgroup namespace shows them: the lowest of its cgroup
// and those above. In a container these are the container's.
struct OwnLimit {
  std::optional<std::uint64_t> memory_bytes;  // nothing: none in force
  std::optional<std::uint64_t> swap_bytes;    // nothing: none in force
};

// kind unsupported where there is no cgroup v2 that could be asked.
base::Result<OwnLimit> own_limit();

// The same for a cgroup folder below (or at) the folder of a mount.
OwnLimit limit_of(std::filesystem::path own, const std::filesystem::path& mount);

}  // namespace cgroup

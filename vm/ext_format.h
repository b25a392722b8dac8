#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"

namespace vm {

// What an empty ext4 file system of that size consists of, as places and bytes to write there; everything else of the
// device has to be zero, as a new one is. Without a journal, for a disk that lives as long as its guest. The size is a
// multiple of kExtGroupBytes, at most 16 GiB. A user may write into its root folder. Layout: Documentation/filesystems/
// ext4/ of the kernel.
inline constexpr std::uint64_t kExtGroupBytes = 128ULL << 20;
base::Result<std::vector<std::pair<std::uint64_t, std::string>>> format_ext4(std::uint64_t bytes,
                                                                             const std::string& uuid);

}  // namespace vm

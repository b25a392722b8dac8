#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vm {

enum class Compression { gzip, xz, zstd, lz4_legacy };

// By the magic bytes; nothing when it is none of these.
std::optional<Compression> compression_of(std::string_view bytes);

// Unpacks the one stream at the front; bytes behind its end are ignored (a kernel's payload carries its size there).
// More than `limit` bytes, damage and a missing end are errors of kind parse.
base::Result<std::string> decompress(std::string_view bytes, Compression compression,
                                     std::size_t limit = std::size_t{512} << 20);

}  // namespace vm

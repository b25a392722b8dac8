#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vm {

// Unpacks the one stream at the front, which its magic bytes tell: gzip, xz, zstd or the legacy frame of lz4; nothing
// when it is none of these. Bytes behind its end are ignored (a kernel's payload carries its size there). More than
// `limit` bytes, damage and a missing end are errors of kind parse.
base::Result<std::optional<std::string>> decompressed(std::string_view bytes,
                                                      std::size_t limit = std::size_t{512} << 20);

}  // namespace vm

#pragma once

#include <string>
#include <string_view>

namespace vm {

// SHA-256 (FIPS 180-4) of the bytes as 64 hexadecimal digits. Names files of the cache; nothing secret depends on it.
std::string sha256_hex(std::string_view bytes);

// The first 32 digits of it: long enough for a name, short enough for a listing.
std::string cache_key(std::string_view bytes);

}  // namespace vm

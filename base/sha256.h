#pragma once

#include <string>
#include <string_view>

namespace base {

// SHA-256 (FIPS 180-4) of the bytes as 64 hexadecimal digits. Names files and tells contents apart; nothing secret
// depends on it.
std::string sha256_hex(std::string_view bytes);

// The same in base64 (RFC 4648), as a content security policy names what it allows.
std::string sha256_base64(std::string_view bytes);

}  // namespace base

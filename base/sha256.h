#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

// SHA-256 (FIPS 180-4), and HMAC over it (RFC 2104) for names that are to be told apart but not known.
namespace base {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);

// The digest as 64 hexadecimal digits, lower case. Names files and tells contents apart.
std::string sha256_hex(std::string_view bytes);

// The same in base64 (RFC 4648), as a content security policy names what it allows.
std::string sha256_base64(std::string_view bytes);

// The HMAC's 64 hexadecimal digits, lower case.
std::string hmac_sha256_hex(std::string_view key, std::string_view message);

}  // namespace base

#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

// Sizes and durations as users write and read them. Sizes in interfaces are std::uint64_t bytes named *_bytes.
namespace base {

// "64M" -> 67108864. Bytes, or K M G T (optionally followed by B or iB) with binary meaning, a fraction allowed
// ("1.5G"); "N%" of total_bytes when that is not 0. Errors name what is accepted; overflow past 2^63 is an error.
Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t total_bytes = 0);

// "250ms", "3s", "2m", "1h", a fraction allowed; a bare number is seconds. Negative or over 10 years is an error.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

// 67108864 -> "64 MiB", 1536 -> "1.5 KiB", 17 -> "17 B": at most one decimal.
std::string human_size(std::uint64_t bytes);

// 1.234 s -> "1.23 s", 0.0123 -> "12.3 ms", 200 -> "3 min 20 s".
std::string human_duration(double seconds);

}  // namespace base

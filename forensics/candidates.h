#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

// The search before the parse: most of a log has nothing to do with memory, and is passed over at the speed of reading.
namespace forensics {

// Where the first words stand that a line holds which may begin a report ("oom-kill", "Killed process ", "Mem-Info",
// ...) or which a later one needs ("Linux version ", "callbacks suppressed"); npos when there are none. A report's
// other lines need not be found: from its beginning to its end every line is parsed.
std::size_t find_candidate(std::string_view text);

// The same without vector instructions, for processors without AVX2 and to test the other.
std::size_t find_candidate_plainly(std::string_view text);

// How many '\n' are in it.
std::uint64_t count_newlines(std::string_view text);

}  // namespace forensics

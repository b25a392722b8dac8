#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Text in columns of a terminal. All strings are valid UTF-8 without control characters (base::escape_terminal() comes
// first).
namespace forensics {

// The same for one code point, which is no control character.
std::size_t cells_of(std::uint32_t point);

// Columns that a terminal uses: 2 for East Asian wide characters and emoji, 0 for combining ones.
std::size_t display_width(std::string_view text);

// Cut to at most that many columns, with an ellipsis where something was cut.
std::string fit(std::string_view text, std::size_t columns);

enum class Align { left, right };
// Filled up with blanks to that many columns (never cut).
std::string pad(std::string_view text, std::size_t columns, Align align = Align::left);

// Lines of at most that many columns, broken at blanks, inside words only where one is longer than a line.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

// A horizontal bar of a share (0 to 1) in eighths of a cell, padded to its cells.
std::string bar(double share, std::size_t cells);

// One cell per value (0 to 1): U+2581 to U+2588; a blank where there is none.
std::string sparkline(std::span<const std::optional<double>> values);

}  // namespace forensics

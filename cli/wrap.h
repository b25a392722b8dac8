#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cli {

// The text with a line break instead of a blank wherever a line would pass the width; the lines after the first are
// indented. The first is taken to begin at column `indent`. A word that is too long for a line stays whole.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace cli

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cli {

// The candidate that is nearest to what was typed (edit distance of at most 2, and less than the whole word), or ""
// when none is near.
std::string nearest(std::string_view typed, std::span<const std::string> candidates);

}  // namespace cli

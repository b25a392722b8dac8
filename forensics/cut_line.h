#pragma once

#include <optional>
#include <string_view>

#include "forensics/oom_line.h"

namespace forensics {

// The message without the number that it ends with, which may go on.
std::string_view without_cut_number(std::string_view message);

// parse_oom_line() of the last line of an input, which has no newline: it may be cut anywhere, so what reaches its end
// is not known.
std::optional<OomLine> parse_cut_oom_line(std::string_view message);

}  // namespace forensics

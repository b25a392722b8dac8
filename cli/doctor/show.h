#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cli/doctor/judge.h"

namespace cli::doctor {

// One screen: a line per finding; where something is limited or missing, what that means and the way out below it.
std::string as_text(std::span<const Finding> findings, bool colour, unsigned width);

// {"schema": "oomlab.doctor/1", "backend": "host" | "vm" | null, "items": [...]}; an empty text is null.
std::string as_json(std::span<const Finding> findings, std::optional<std::string_view> backend);

}  // namespace cli::doctor

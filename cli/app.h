#pragma once

#include <span>

namespace cli {

// The whole program: picks the subcommand by the first word, runs it, returns the exit status. Bugs and exhausted
// memory end here, with exit 125.
int run_app(std::span<char* const> arguments);

}  // namespace cli

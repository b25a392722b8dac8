#pragma once

#include <string_view>

#include "base/result.h"

// How the command line talks: words to stderr with "oomlab: " in front, colours only on a terminal (or with
// CLICOLOR_FORCE) and without NO_COLOR.
namespace cli {

inline constexpr int kExitUsage = 2;
inline constexpr int kExitCannot = 3;        // this machine cannot
inline constexpr int kExitOwnFailure = 125;  // oomlab itself failed

// Prints "oomlab: message" and the remedy on a line of its own; returns the exit status of the error's kind
// (docs/exit-codes.md).
int report(const base::Error& error);

// Prints "oomlab: text" (escaped).
void say(std::string_view text);

// Whether that descriptor takes colours: no NO_COLOR; a terminal with a TERM other than dumb, or CLICOLOR_FORCE (for
// pagers and the logs of builds).
bool colours(int fd);

// Columns of the terminal on that descriptor; where it is none, what COLUMNS says, else 80; at least 40.
unsigned columns(int fd);

// Writes data to stdout, whole; a closed pipe (EPIPE) ends the program quietly as `cat` does.
int print(std::string_view data);

}  // namespace cli

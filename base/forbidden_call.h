#pragma once

#include <string_view>

// What base/sandbox.h says before a forbidden system call ends the process.
namespace base {

// Prepares this process to die of SIGSYS with a line on standard error: "PROGRAM: sandbox: system call 41 (socket) is
// not allowed here; ADVICE".
void announce_forbidden_calls(std::string_view advice);

// SIGSYS as it was at the start of the process.
void announce_no_forbidden_calls();

}  // namespace base

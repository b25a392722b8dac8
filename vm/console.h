#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace vm {

// What the serial console of a guest tells of its kernel.
enum class GuestFate {
  well,
  panicked_on_memory,  // vm.panic_on_oom, or nothing left to kill: an incident, not a failure of the lab
  crashed,             // any other panic, an oops, a BUG
};
GuestFate read_console(std::string_view text);

// The last lines, at most `count`, joined with newlines and without empty ones. For messages.
std::string last_lines(std::string_view text, std::size_t count);

}  // namespace vm

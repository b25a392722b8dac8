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

// After a panic the kernel prints its whole log once more (panic_print=32), because what came before the panic may not
// have been on the console. Of the two the one that tells more without repeating itself: the first when the report of
// the out-of-memory killer is in it, else the second.
std::string_view without_repetition(std::string_view text);

// The last lines, at most `count`, joined with newlines and without empty ones. For messages.
std::string last_lines(std::string_view text, std::size_t count);

}  // namespace vm

#pragma once

#include <optional>
#include <string>

namespace base {

// How a process ended: exactly one of the two is set, or neither when it never started (wait(2) status as a type).
struct ExitStatus {
  std::optional<int> exit_code;  // 0 to 255
  std::optional<int> signal;     // 1 to 64

  // From the int that waitpid(2) fills.
  static ExitStatus from_wait(int status);
  // What a shell shows: the code, or 128 + signal; 125 when it never started.
  [[nodiscard]] int shell_code() const;
  bool operator==(const ExitStatus&) const = default;
};

// "SIGKILL" for 9; "signal 77" for one without a name.
std::string signal_name(int signal);

}  // namespace base

#include "base/exit_status.h"

#include <sys/wait.h>

#include <cstring>

#include <fmt/format.h>

namespace base {

ExitStatus ExitStatus::from_wait(int status) {
  if (WIFSIGNALED(status)) {
    return {.signal = WTERMSIG(status)};
  }
  return {.exit_code = WEXITSTATUS(status)};
}

int ExitStatus::shell_code() const {
  if (signal) {
    return 128 + *signal;
  }
  return exit_code.value_or(125);
}

std::string signal_name(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", signal);
}

}  // namespace base

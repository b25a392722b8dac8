#include "base/forbidden_call.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <memory>

namespace base {
namespace {

template <std::size_t Capacity>
struct Text {
  std::array<char, Capacity> bytes{};
  std::size_t size = 0;

  void clear() { size = 0; }
  void append(std::string_view more) {
    const auto fits = std::min(more.size(), Capacity - size);
    std::copy_n(more.begin(), fits, bytes.begin() + size);
    size += fits;
  }
  [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
};

// Everything the handler needs, made before: the call may come from within malloc(), so that the handler can neither
// allocate nor ask libseccomp for a name, which allocates.
struct Words {
  Text<64> program;
  Text<256> advice;
  std::array<Text<32>, 512> calls;  // by number; a newer one is told by its number alone
};

Words& words() {
  static constinit Words prepared{};
  return prepared;
}

// Async-signal-safe (signal-safety(7)). SA_RESETHAND has made SIGSYS deadly again, also for other threads.
void announce(int /*signal*/, siginfo_t* info, void* /*context*/) {
  constexpr int kSeccomp = 1;  // SYS_SECCOMP, which <signal.h> has only since glibc 2.32
  if (info->si_code == kSeccomp) {
    const auto call = static_cast<std::size_t>(info->si_syscall);
    Text<512> line;
    line.append(words().program.view());
    line.append(": sandbox: system call ");
    std::array<char, 24> digits{};
    const auto* end = std::to_chars(digits.data(), digits.data() + digits.size(), info->si_syscall).ptr;
    line.append({digits.data(), end});
    if (call < words().calls.size() && words().calls.at(call).size > 0) {
      line.append(" (");
      line.append(words().calls.at(call).view());
      line.append(")");
    }
    line.append(" is not allowed here");
    if (words().advice.size > 0) {
      line.append("; ");
      line.append(words().advice.view());
    }
    line.append("\n");
    (void)::write(STDERR_FILENO, line.bytes.data(), line.size);  // dying either way
  }
  (void)::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), SIGSYS);
  ::_exit(128 + SIGSYS);  // never back to the code that made the call
}

struct Free {
  void operator()(char* text) const { ::free(text); }  // NOLINT(cppcoreguidelines-no-malloc): libseccomp's
};

}  // namespace

void announce_forbidden_calls(std::string_view advice) {
  auto& prepared = words();
  prepared.program.clear();
  prepared.program.append(program_invocation_short_name);
  prepared.advice.clear();
  prepared.advice.append(advice);
  for (std::size_t call = 0; call < prepared.calls.size(); ++call) {
    const std::unique_ptr<char, Free> name(
        ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, static_cast<int>(call)));
    prepared.calls.at(call).clear();
    prepared.calls.at(call).append(name ? name.get() : "");
  }
  struct sigaction action{};
  action.sa_sigaction = announce;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_RESETHAND | SA_NODEFER);
  (void)::sigaction(SIGSYS, &action, nullptr);  // fails for numbers that are no signals
}

void announce_no_forbidden_calls() {
  (void)::signal(SIGSYS, SIG_DFL);
}

}  // namespace base

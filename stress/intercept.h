#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/exit_status.h"
#include "base/fd.h"
#include "base/result.h"

// Decides over some system calls of a program before they happen: it runs under a seccomp filter that asks us
// (seccomp_unotify(2)). It works for threads, children and static programs, and costs the other calls nothing.
namespace stress {

// One call that waits for its answer.
struct Call {
  std::string_view name;  // "mmap"
  pid_t pid = -1;
  std::array<std::uint64_t, 6> arguments{};
};

struct Answer {
  enum class Kind { happen, error, value } kind = Kind::happen;
  std::int64_t number = 0;  // the errno value that it fails with, or what it returns without having happened
};
using Decide = std::function<Answer(const Call& call)>;

class Intercepted {
 public:
  // Forks; the child puts itself under the filter, so also under no_new_privs (prctl(2)), and does `start`, which
  // executes a program and returns only when that failed, with the exit status. The child dies with us. Calls: names of
  // system calls; kind usage for one that there is not, unsupported where the kernel has no such filters (before 5.0).
  static base::Result<Intercepted> start(std::span<const std::string> calls, const std::function<int()>& start);
  Intercepted(Intercepted&& other) noexcept;
  Intercepted(const Intercepted&) = delete;
  Intercepted& operator=(Intercepted&&) = delete;
  Intercepted& operator=(const Intercepted&) = delete;
  ~Intercepted();  // kills and reaps what still runs

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Readable when a call waits.
  [[nodiscard]] int fd() const { return listener_.get(); }
  // Answers the one that waits.
  base::Result<> answer(const Decide& decide);
  // Answers all until the child has ended, and reaps it. Besides it calls `other` whenever other_fd is readable, until
  // its end (-1: nothing besides). Signals that this process has blocked and `forwarded` names go to the child.
  base::Result<base::ExitStatus> serve(const Decide& decide, int other_fd = -1, const std::function<void()>& other = {},
                                       std::span<const int> forwarded = {});

 private:
  Intercepted(pid_t pid, base::Fd listener, base::Fd pidfd)
      : pid_(pid), listener_(std::move(listener)), pidfd_(std::move(pidfd)) {}
  base::ExitStatus reap();

  pid_t pid_;
  base::Fd listener_, pidfd_;
};

}  // namespace stress

#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <utility>

#include "base/exit_status.h"
#include "base/fd.h"
#include "base/result.h"

namespace stress {

// A process of a workload: a copy of this one that does one thing. It dies with us, and with this object.
class Child {
 public:
  // Forks; the child exits with what work() returns.
  static base::Result<Child> start(const std::function<int()>& work);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), alive_(std::move(other.alive_)) {}
  Child& operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(alive_, other.alive_);
    return *this;
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Waits until it has executed another program, or has ended.
  void wait_for_exec() const;
  // Waits for its end and reaps it.
  base::ExitStatus wait();
  // How it ended, if it has; reaps it.
  std::optional<base::ExitStatus> ended();

 private:
  Child(pid_t pid, base::Fd alive) : pid_(pid), alive_(std::move(alive)) {}
  pid_t pid_ = -1;
  base::Fd alive_;  // at its end once the child has closed its side, by exec or exit
};

// Ends this process as a child of it has ended, when a signal did that: so that a run whose memory is a child's is
// killed when the child is. Does nothing else.
void end_like(const base::ExitStatus& status);

}  // namespace stress

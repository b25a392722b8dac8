#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/exit_status.h"
#include "base/fd.h"
#include "base/result.h"

// Host programs that the VM needs (qemu, apt-get, dpkg-deb): run by path or PATH, standard input /dev/null, dead when
// we are (PR_SET_PDEATHSIG).
namespace vm {

struct ChildSpec {
  std::vector<std::string> argv;
  std::vector<std::pair<int, int>>
      descriptors;         // ours -> the child's number (1 and 2 too); everything else is close-on-exec
  bool own_group = false;  // a process group of its own: the terminal's Ctrl-C does not reach it
};

// A running child: killed and reaped by the destructor.
class Child {
 public:
  static base::Result<Child> start(const ChildSpec& spec);
  Child(Child&& other) noexcept
      : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), status_(other.status_) {}
  Child& operator=(Child&& other) = delete;
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] pid_t pid() const { return pid_; }
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  void kill();
  // How it ended, waiting until the deadline at most; nothing when it still runs then.
  std::optional<base::ExitStatus> wait(std::chrono::steady_clock::time_point deadline);
  base::ExitStatus wait();

 private:
  Child(pid_t pid, base::Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid_;  // -1: reaped
  base::Fd pidfd_;
  std::optional<base::ExitStatus> status_;
};

// A program run to its end, with what it printed (each at most 64 MiB).
struct Output {
  base::ExitStatus status;
  std::string out, err;
};
base::Result<Output> run_program(std::vector<std::string> argv);

// A file in memory, empty, appending, close-on-exec: takes a child's output without anybody reading along.
base::Result<base::Fd> memory_file(const char* name);

// What such a file holds from the offset on, at most `limit` bytes of its end.
std::string memory_file_text(int fd, std::size_t offset, std::size_t limit);

// Waits until fd is readable (or hung up) or the deadline passed; says which.
bool wait_readable(int fd, std::chrono::steady_clock::time_point deadline);

}  // namespace vm

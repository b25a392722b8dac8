#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "cgroup/group.h"
#include "cgroup/removal.h"

namespace cgroup {
namespace {

constexpr std::chrono::milliseconds kPatience(30000);

// Closes every descriptor but two, so that no pipe's reader waits for this process. close_range(2) is of 5.9; before
// it, one by one.
void close_all_but(int first, int second) {
  const auto [low, high] = std::minmax(first, second);
  const auto close_between = [](int from, int to) {
    if (from > to) {
      return;
    }
    if (::syscall(SYS_close_range, static_cast<unsigned>(from), static_cast<unsigned>(to), 0U) != 0) {
      const int last = std::min(to, static_cast<int>(::sysconf(_SC_OPEN_MAX)));
      for (int fd = from; fd <= last; ++fd) {
        (void)::close(fd);  // most are not open
      }
    }
  };
  close_between(0, low - 1);
  close_between(low + 1, high - 1);
  close_between(high + 1, std::numeric_limits<int>::max());
}

[[noreturn]] void stand_guard(const Dir& dir, int lifeline) {
  (void)::setsid();  // a terminal's signals are not for it
  (void)::prctl(PR_SET_NAME, "oomlab-guard");
  close_all_but(dir.fd(), lifeline);
  (void)::chdir("/");  // keeps no mount busy
  char word = 0;
  ssize_t got = 0;
  do {
    got = ::read(lifeline, &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 0) {
    (void)remove_tree(dir, kPatience);  // what it cannot remove is left to sweep()
  }
  ::_exit(0);
}

}  // namespace

base::Result<Guard> Guard::start(const Group& group) {
  // A socket, not a pipe: a guard that somebody killed must not answer the release with SIGPIPE.
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return base::system_error("socketpair");
  }
  base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  // The guard keeps all signals blocked: what asks its parent to end is not for it.
  sigset_t all;
  sigset_t before;
  (void)::sigfillset(&all);
  (void)::pthread_sigmask(SIG_SETMASK, &all, &before);  // cannot fail with these arguments
  const pid_t pid = ::fork();
  const int error = errno;
  if (pid == 0) {
    stand_guard(group.dir(), theirs.get());
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) {
    return base::system_error("fork of the guard", error);
  }
  return Guard(std::move(ours), pid);
}

Guard& Guard::operator=(Guard&& other) noexcept {
  if (this != &other) {
    const Guard old(std::move(*this));  // released at the end of this block
    lifeline_ = std::move(other.lifeline_);
    pid_ = std::exchange(other.pid_, -1);
  }
  return *this;
}

Guard::~Guard() {
  if (!lifeline_) {
    return;
  }
  (void)::send(lifeline_.get(), "x", 1, MSG_NOSIGNAL);  // fails when it was killed: as good
  lifeline_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace cgroup

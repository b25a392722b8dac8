#include "stress/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace stress {

base::Result<Child> Child::start(const std::function<int()>& work) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) {
      ::_exit(1);  // the parent was gone before
    }
    ::_exit(work());
  }
  return Child(pid, std::move(ours));
}

Child::~Child() {
  if (pid_ > 0) {
    (void)::kill(pid_, SIGKILL);  // it is our child and not reaped, so it is there
    (void)wait();
  }
}

void Child::wait_for_exec() const {
  char none = 0;
  while (::read(alive_.get(), &none, 1) < 0 && errno == EINTR) {
  }
}

base::ExitStatus Child::wait() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return base::ExitStatus::from_wait(status);
}

std::optional<base::ExitStatus> Child::ended() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = -1;
    return base::ExitStatus::from_wait(status);
  }
  return std::nullopt;
}

void end_like(const base::ExitStatus& status) {
  if (!status.signal) {
    return;
  }
  (void)std::signal(*status.signal, SIG_DFL);  // SIGKILL has no handler to take away
  (void)::kill(::getpid(), *status.signal);
}

}  // namespace stress

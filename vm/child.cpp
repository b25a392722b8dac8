#include "vm/child.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"

namespace vm {
namespace {

using Clock = std::chrono::steady_clock;

// Between fork and exec: only async-signal-safe calls. Moves the descriptors out of each other's way first, then to
// their numbers.
[[noreturn]] void become(const ChildSpec& spec, char* const* argv, std::vector<std::pair<int, int>>& descriptors,
                         pid_t parent, int report_fd) {
  constexpr int kAboveAll = 100;
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(127);  // the parent died before the line above
  }
  if (spec.own_group) {
    (void)::setpgid(0, 0);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)::signal(SIGPIPE, SIG_DFL);
  report_fd = ::fcntl(report_fd, F_DUPFD_CLOEXEC, kAboveAll);
  for (auto& [ours, theirs] : descriptors) {
    ours = ::fcntl(ours, F_DUPFD_CLOEXEC, kAboveAll);
  }
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = 0; number <= 2; ++number) {
    (void)::dup2(null_fd, number);
  }
  for (const auto& [ours, theirs] : descriptors) {
    if (::dup2(ours, theirs) < 0) {
      break;
    }
  }
  ::execvp(argv[0], argv);
  const int error = errno;
  (void)!::write(report_fd, &error, sizeof error);  // the parent sees the pipe close without it otherwise
  ::_exit(127);
}

}  // namespace

base::Result<Child> Child::start(const ChildSpec& spec) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  const base::Fd from_child(report[0]);
  base::Fd to_parent(report[1]);
  std::vector<std::string> words = spec.argv;
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  auto descriptors = spec.descriptors;
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    become(spec, argv.data(), descriptors, parent, to_parent.get());
  }
  to_parent.reset();
  Child child(pid, base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U))));  // close-on-exec by itself
  if (!child.pidfd_) {
    return base::system_error("pidfd_open");
  }
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(from_child.get(), &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof error)) {
    return base::system_error(base::escape_terminal(spec.argv.at(0)), error);
  }
  return child;
}

Child::~Child() {
  if (pid_ > 0 && !status_) {
    kill();
    (void)wait();  // how it ended is of no interest any more
  }
}

void Child::kill() {
  if (pid_ > 0 && !status_) {
    (void)::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0U);  // ESRCH: it is gone already
  }
}

std::optional<base::ExitStatus> Child::wait(Clock::time_point deadline) {
  if (!status_ && !wait_readable(pidfd_.get(), deadline)) {
    return std::nullopt;
  }
  return wait();
}

base::ExitStatus Child::wait() {
  if (!status_) {
    int status = 0;
    pid_t got = 0;
    do {
      got = ::waitpid(pid_, &status, 0);
    } while (got < 0 && errno == EINTR);
    status_ = got == pid_ ? base::ExitStatus::from_wait(status) : base::ExitStatus{};
  }
  return *status_;
}

base::Result<Output> run_program(std::vector<std::string> argv) {
  TRY_ASSIGN(const base::Fd out, memory_file("stdout"));
  TRY_ASSIGN(const base::Fd err, memory_file("stderr"));
  TRY_ASSIGN(
      Child child,
      Child::start({.argv = std::move(argv), .descriptors = {{out.get(), 1}, {err.get(), 2}}, .own_group = false}));
  constexpr std::size_t kMost = std::size_t{64} << 20;
  const auto status = child.wait();
  return Output{
      .status = status, .out = memory_file_text(out.get(), 0, kMost), .err = memory_file_text(err.get(), 0, kMost)};
}

base::Result<base::Fd> memory_file(const char* name) {
  base::Fd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) {
    return base::system_error("memfd_create");
  }
  if (::fcntl(fd.get(), F_SETFL, O_APPEND) != 0) {
    return base::system_error("fcntl(O_APPEND)");
  }
  return fd;
}

std::string memory_file_text(int fd, std::size_t offset, std::size_t limit) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return {};
  }
  const auto size = static_cast<std::size_t>(info.st_size);
  offset = std::max(std::min(offset, size), size > limit ? size - limit : 0);
  std::string text(size - offset, '\0');
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::pread(fd, text.data() + used, text.size() - used, static_cast<off_t>(offset + used));
    if (got <= 0) {
      break;
    }
    used += static_cast<std::size_t>(got);
  }
  text.resize(used);
  return text;
}

bool wait_readable(int fd, Clock::time_point deadline) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    const int ready = ::poll(&watched, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready > 0) {
      return true;
    }
    if (ready == 0 || errno != EINTR) {
      return false;
    }
  }
}

}  // namespace vm

#include "vm/guest_command.h"

#include <fcntl.h>
#include <grp.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"

namespace vm {

namespace {

// What the child says over a close-on-exec pipe when it could not get as far as the exec.
struct Failure {
  enum class Step : int { root, folder, group, user } step;
  int error;
};

struct Pipe {
  base::Fd read, write;
};

base::Result<Pipe> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  return Pipe{base::Fd(fds[0]), base::Fd(fds[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> result;
  result.reserve(words.size() + 1);
  for (const auto& word : words) {
    result.push_back(const_cast<char*>(word.c_str()));  // execve(2) does not write to them
  }
  result.push_back(nullptr);
  return result;
}

// Everything below runs in the child, between fork and exec.

[[noreturn]] void give_up(int failure_fd, Failure::Step step) {
  const Failure failure{step, errno};
  (void)!::write(failure_fd, &failure, sizeof failure);  // the parent sees the end of the pipe either way
  ::_exit(125);
}

void reset_inherited_state() {
  (void)::setsid();  // cannot fail in a child that has just been forked
  for (const int signal : {SIGPIPE, SIGCHLD}) {
    (void)::signal(signal, SIG_DFL);
  }
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  const base::Fd adj(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (adj) {
    (void)!::write(adj.get(), "0", 1);  // raising it is always allowed
  }
}

void enter(const RunFrame& order, int failure_fd) {
  if (order.root && ::chroot(order.root->c_str()) != 0) {
    give_up(failure_fd, Failure::Step::root);
  }
  if (::chdir(order.working_folder.empty() ? "/" : order.working_folder.c_str()) != 0) {
    give_up(failure_fd, Failure::Step::folder);
  }
  if (order.gid && ((::geteuid() == 0 && ::setgroups(0, nullptr) != 0) || ::setgid(*order.gid) != 0)) {
    give_up(failure_fd, Failure::Step::group);
  }
  if (order.uid && ::setuid(*order.uid) != 0) {
    give_up(failure_fd, Failure::Step::user);
  }
}

[[noreturn]] void execute(const RunFrame& order, const std::string& self, char* const* argv, char** environment) {
  environ = environment;  // execvp(3) looks in this PATH
  const bool is_self = order.argv[0] == "oomlab" && !order.root;
  ::execvp(is_self ? self.c_str() : argv[0], argv);
  const int error = errno;
  std::array<char, 512> message{};
  const int length =
      std::snprintf(message.data(), message.size(), "oomlab: %.256s: %s\n", argv[0], std::strerror(error));
  (void)!::write(STDERR_FILENO, message.data(), std::min(static_cast<std::size_t>(length), message.size() - 1));
  ::_exit(error == ENOENT ? 127 : 126);
}

// Back in the parent.

std::unexpected<base::Error> explain(const Failure& failure, const RunFrame& order) {
  switch (failure.step) {
    case Failure::Step::root:
      return base::system_error(fmt::format("chroot {}", base::escape_terminal(*order.root)), failure.error);
    case Failure::Step::folder:
      return base::system_error(fmt::format("working folder {}", base::escape_terminal(order.working_folder)),
                                failure.error);
    case Failure::Step::group:
      return base::system_error(fmt::format("setgid {}", *order.gid), failure.error);
    case Failure::Step::user:
      break;
  }
  return base::system_error(fmt::format("setuid {}", *order.uid), failure.error);
}

}  // namespace

base::Result<Command> start_command(const RunFrame& order, const std::string& self) {
  TRY_ASSIGN(auto input, make_pipe());
  TRY_ASSIGN(auto output, make_pipe());
  TRY_ASSIGN(auto error, make_pipe());
  TRY_ASSIGN(auto failed, make_pipe());
  const auto argv = pointers(order.argv);
  auto environment = pointers(order.environment);
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    reset_inherited_state();
    (void)::dup2(input.read.get(), STDIN_FILENO);  // dup2(2) of open descriptors onto 0, 1, 2 does not fail
    (void)::dup2(output.write.get(), STDOUT_FILENO);
    (void)::dup2(error.write.get(), STDERR_FILENO);
    enter(order, failed.write.get());
    execute(order, self, argv.data(), environment.data());
  }
  failed.write.reset();
  Failure failure{};
  if (::read(failed.read.get(), &failure, sizeof failure) == static_cast<ssize_t>(sizeof failure)) {
    return explain(failure, order);  // the child is reaped like any other
  }
  for (const int fd : {input.write.get(), output.read.get(), error.read.get()}) {
    (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);  // pipes take it
  }
  return Command{pid, std::move(input.write), std::move(output.read), std::move(error.read)};
}

}  // namespace vm

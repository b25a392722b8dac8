#include "stress/intercept.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <utility>

#include "stress/seccomp_filter.h"

namespace stress {
namespace {

// One descriptor, or an errno value, over a socket (unix(7), SCM_RIGHTS).
void send_listener(int socket, const base::Result<base::Fd>& listener) {
  int error = listener ? 0 : std::max(listener.error().sys_errno, 1);
  iovec data{&error, sizeof error};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (listener) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    auto* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = listener->get();
    std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  }
  (void)::sendmsg(socket, &message, MSG_NOSIGNAL);  // the parent sees the end of the socket otherwise
}

base::Result<base::Fd> receive_listener(int socket) {
  int error = 0;
  iovec data{&error, sizeof error};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (got < 0 && errno == EINTR);
  const auto* header = got > 0 ? CMSG_FIRSTHDR(&message) : nullptr;
  if (header == nullptr) {
    auto failed = base::system_error("a seccomp filter that asks", error == 0 ? ECHILD : error);
    failed.error().kind = base::ErrorKind::unsupported;
    failed.error().remedy = "Linux 5.0 or newer, outside of sandboxes that forbid it; or --backend vm";
    return failed;
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return base::Fd(fd);
}

[[noreturn]] void run_child(int socket, pid_t parent, std::span<const std::string> calls,
                            const std::function<int()>& start) {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(1);
  }
  const auto listener = install_asking_filter(calls);
  send_listener(socket, listener);
  ::_exit(listener ? start() : 125);
}

// Readable when one of them has come; none for none. The caller has blocked them.
base::Fd open_signals(std::span<const int> wanted) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : wanted) {
    sigaddset(&signals, signal);
  }
  return base::Fd(wanted.empty() ? -1 : ::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

}  // namespace

base::Result<Intercepted> Intercepted::start(std::span<const std::string> calls, const std::function<int()>& start) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return base::system_error("socketpair");
  }
  const base::Fd ours(ends[0]);
  base::Fd theirs(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    run_child(theirs.get(), parent, calls, start);
  }
  theirs.reset();
  Intercepted child(pid, base::Fd(), base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
  if (!child.pidfd_) {
    return base::system_error("pidfd_open");
  }
  TRY_ASSIGN(child.listener_, receive_listener(ours.get()));
  return child;
}

Intercepted::Intercepted(Intercepted&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), listener_(std::move(other.listener_)), pidfd_(std::move(other.pidfd_)) {}

Intercepted::~Intercepted() {
  if (pid_ > 0) {
    (void)::kill(pid_, SIGKILL);  // our child, not reaped yet
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

base::Result<> Intercepted::answer(const Decide& decide) {
  seccomp_notif asked{};
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) {
    // ENOENT: who asked was killed meanwhile.
    return errno == ENOENT || errno == EINTR ? base::Result<>{} : base::system_error("SECCOMP_IOCTL_NOTIF_RECV");
  }
  const auto name = system_call_name(asked.data.nr);
  Call call{.name = name, .pid = static_cast<pid_t>(asked.pid)};
  std::ranges::copy(asked.data.args, call.arguments.begin());
  seccomp_notif_resp answer{};
  answer.id = asked.id;
  const auto decided = decide(call);
  switch (decided.kind) {
    case Answer::Kind::happen:
      // Safe here: none of what we decide by lies in memory that another thread could change.
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      break;
    case Answer::Kind::error:
      answer.error = -static_cast<int>(decided.number);
      break;
    case Answer::Kind::value:
      answer.val = decided.number;
      break;
  }
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0 && errno != ENOENT) {
    return base::system_error("SECCOMP_IOCTL_NOTIF_SEND");
  }
  return {};
}

base::ExitStatus Intercepted::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return base::ExitStatus::from_wait(status);
}

base::Result<base::ExitStatus> Intercepted::serve(const Decide& decide, int other_fd,
                                                  const std::function<void()>& other, std::span<const int> forwarded) {
  const auto signal_fd = open_signals(forwarded);
  std::array<pollfd, 4> watched{
      {{listener_.get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}, {other_fd, POLLIN, 0}, {signal_fd.get(), POLLIN, 0}}};
  while (true) {
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
      return base::system_error("poll");
    }
    if ((watched[0].revents & POLLIN) != 0) {
      TRY(answer(decide));
    } else if (watched[0].revents != 0) {
      watched[0].fd = -1;  // nobody is left under the filter
    }
    if (watched[2].revents != 0) {
      other();
      watched[2].fd = (watched[2].revents & POLLIN) != 0 ? watched[2].fd : -1;
    }
    signalfd_siginfo signal{};
    if (watched[3].revents != 0 && ::read(signal_fd.get(), &signal, sizeof signal) == sizeof signal) {
      (void)::kill(pid_, static_cast<int>(signal.ssi_signo));  // not reaped, so it is there
    }
    if (watched[1].revents != 0 && (watched[0].revents & POLLIN) == 0) {
      return reap();
    }
  }
}

}  // namespace stress

#include "base/event_loop.h"

#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <span>

namespace base {
namespace {

constexpr std::chrono::hours kLongestWait{1};

// epoll_wait(2) for so long, or for ever. With its whole milliseconds a recorder could not sample every millisecond, so
// epoll_pwait2(2) of Linux 5.11 is asked first; a container's seccomp filter that does not know that refuses it.
int wait_for(int epoll, std::span<epoll_event> ready, std::optional<std::chrono::nanoseconds> left) {
  const int room = static_cast<int>(ready.size());
  if (!left) {
    return ::epoll_wait(epoll, ready.data(), room, -1);
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*left);
  const timespec exactly{.tv_sec = seconds.count(), .tv_nsec = (*left - seconds).count()};
  const int count = ::epoll_pwait2(epoll, ready.data(), room, &exactly, nullptr);
  if (count >= 0 || (errno != ENOSYS && errno != EPERM)) {
    return count;
  }
  return ::epoll_wait(epoll, ready.data(), room,
                      static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(*left).count()));
}

}  // namespace

Result<EventLoop> EventLoop::create() {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return system_error("epoll_create1");
  }
  return EventLoop(std::move(epoll));
}

Result<> EventLoop::watch(int fd, std::uint32_t events, Callback callback) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    return system_error("epoll_ctl");
  }
  watches_[fd] = std::make_shared<Callback>(std::move(callback));
  return {};
}

Result<> EventLoop::change(int fd, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) != 0) {
    return system_error("epoll_ctl");
  }
  return {};
}

void EventLoop::unwatch(int fd) {
  if (watches_.erase(fd) != 0) {
    (void)::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);  // fails only when the fd was closed already
  }
}

EventLoop::TimerId EventLoop::at(Clock::time_point when, std::function<void()> callback) {
  const TimerId id = next_timer_++;
  timers_.emplace(when, Timer{id, Clock::duration::zero(), std::move(callback)});
  return id;
}

EventLoop::TimerId EventLoop::every(Clock::duration period, std::function<void()> callback) {
  const TimerId id = next_timer_++;
  timers_.emplace(Clock::now() + period, Timer{id, period, std::move(callback)});
  return id;
}

void EventLoop::cancel(TimerId id) {
  std::erase_if(timers_, [id](const auto& entry) { return entry.second.id == id; });
}

void EventLoop::run_due_timers() {
  const auto now = Clock::now();
  while (!stopped_ && !timers_.empty() && timers_.begin()->first <= now) {
    auto node = timers_.extract(timers_.begin());
    if (node.mapped().period > Clock::duration::zero()) {
      // Late ticks are dropped, not caught up: a recorder that was stopped must not burst.
      const auto next = std::max(node.key() + node.mapped().period, now + node.mapped().period / 2);
      Timer again = node.mapped();
      timers_.emplace(next, std::move(again));
    }
    node.mapped().callback();
  }
}

Result<> EventLoop::run() {
  stopped_ = false;
  while (!stopped_ && (!watches_.empty() || !timers_.empty())) {
    std::optional<Clock::duration> left;
    if (!timers_.empty()) {
      left = std::clamp<Clock::duration>(timers_.begin()->first - Clock::now(), Clock::duration::zero(), kLongestWait);
    }
    std::array<epoll_event, 16> ready{};
    const int count = wait_for(epoll_.get(), ready, left);
    if (count < 0 && errno != EINTR) {
      return system_error("epoll_wait");
    }
    for (int i = 0; i < count && !stopped_; ++i) {
      const auto found = watches_.find(ready[static_cast<std::size_t>(i)].data.fd);
      if (found != watches_.end()) {
        const auto callback = found->second;  // kept alive: it may unwatch itself
        (*callback)(ready[static_cast<std::size_t>(i)].events);
      }
    }
    run_due_timers();
  }
  return {};
}

Result<Fd> signal_fd(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) {
    sigaddset(&set, signal);
  }
  if (const int error = ::pthread_sigmask(SIG_BLOCK, &set, nullptr); error != 0) {
    return system_error("pthread_sigmask", error);
  }
  Fd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) {
    return system_error("signalfd");
  }
  return fd;
}

std::optional<int> read_signal(int fd) {
  signalfd_siginfo info{};
  if (::read(fd, &info, sizeof info) != static_cast<ssize_t>(sizeof info)) {
    return std::nullopt;
  }
  return static_cast<int>(info.ssi_signo);
}

}  // namespace base

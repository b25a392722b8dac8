#pragma once

#include <sys/epoll.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace base {

// The only place that waits: descriptors and deadlines, one thread. Callbacks may add and remove watches, their own
// too, and stop the loop.
class EventLoop {
 public:
  using Clock = std::chrono::steady_clock;
  using Callback = std::function<void(std::uint32_t epoll_events)>;
  using TimerId = std::uint64_t;

  static Result<EventLoop> create();

  // Calls back when fd is ready (EPOLLIN, EPOLLPRI, ... of epoll_ctl(2), level-triggered). The descriptor stays the
  // caller's; unwatch before closing it.
  Result<> watch(int fd, std::uint32_t events, Callback callback);
  // Changes what a watched descriptor waits for; 0 pauses it.
  Result<> change(int fd, std::uint32_t events);
  void unwatch(int fd);

  // Calls back once, at or soon after the time; every() again and again. cancel() of an unknown id does nothing.
  TimerId at(Clock::time_point when, std::function<void()> callback);
  TimerId every(Clock::duration period, std::function<void()> callback);
  void cancel(TimerId id);

  // Runs until stop() or until nothing is watched and no timer is set.
  Result<> run();
  void stop() { stopped_ = true; }

 private:
  struct Timer {
    TimerId id;
    Clock::duration period;  // zero: once
    std::function<void()> callback;
  };
  explicit EventLoop(Fd epoll) : epoll_(std::move(epoll)) {}
  void run_due_timers();

  Fd epoll_;
  std::map<int, std::shared_ptr<Callback>> watches_;
  std::multimap<Clock::time_point, Timer> timers_;
  TimerId next_timer_ = 1;
  bool stopped_ = false;
};

// A descriptor that becomes readable when one of the signals arrives (signalfd(2)); they are blocked for this thread
// from now on.
Result<Fd> signal_fd(std::initializer_list<int> signals);

// The next signal of such a descriptor, if one is there.
std::optional<int> read_signal(int fd);

}  // namespace base

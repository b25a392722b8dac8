#include "stress/pause.h"

#include <signal.h>

#include <atomic>
#include <cerrno>
#include <ctime>

namespace stress {
namespace {

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a signal handler has nothing else
std::atomic<bool> paused{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void on_signal(int signal) {
  paused.store(signal == SIGUSR1);
}

sigset_t both_signals() {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGUSR1);
  sigaddset(&both, SIGUSR2);
  return both;
}

timespec to_timespec(Clock::duration duration) {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

}  // namespace

void listen_for_pause() {
  struct sigaction action{};
  action.sa_handler = on_signal;                 // without SA_RESTART, so that sleeping ends
  (void)::sigaction(SIGUSR1, &action, nullptr);  // cannot fail for these signals
  (void)::sigaction(SIGUSR2, &action, nullptr);
  const auto both = both_signals();
  (void)::pthread_sigmask(SIG_UNBLOCK, &both, nullptr);  // who started us may have kept them back until now
}

Clock::duration wait_while_paused() {
  if (!paused.load()) {
    return {};
  }
  const auto start = Clock::now();
  // Blocked between the look at the flag and the wait, so that no resume falls in between.
  const auto both = both_signals();
  sigset_t before;
  (void)::pthread_sigmask(SIG_BLOCK, &both, &before);
  while (paused.load()) {
    (void)::sigsuspend(&before);  // always EINTR
  }
  (void)::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return Clock::now() - start;
}

Clock::duration wait_until(Clock::time_point when) {
  Clock::duration in_pause{};
  while (true) {
    in_pause += wait_while_paused();
    const auto deadline = to_timespec((when + in_pause).time_since_epoch());
    // A pause that comes between the look above and the sleep is seen at its end: sleeps of drive() are short.
    if (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) != EINTR) {
      return in_pause + wait_while_paused();
    }
  }
}

}  // namespace stress

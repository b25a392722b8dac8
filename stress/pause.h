#pragma once

#include <chrono>

// A workload that waits, and can be told to pause: SIGUSR1 pauses, SIGUSR2 goes on.
namespace stress {

using Clock = std::chrono::steady_clock;

// From now on the two signals pause and resume instead of ending the process.
void listen_for_pause();

// Returns at once when not paused, else when resumed; the time that passed.
Clock::duration wait_while_paused();

// Until the time has come (or is there already); time spent paused does not count. Returns how long that was.
Clock::duration wait_until(Clock::time_point when);

}  // namespace stress

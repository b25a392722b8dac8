#pragma once

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace base {

// Processors that this process may run on (sched_getaffinity(2)); at least one.
inline unsigned processors() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

// Adds a thread that does the work. False where there is none to be had, as in a container at its limit of processes
// (pthread_create(3): EAGAIN).
template <typename Work>
bool start_thread(std::vector<std::jthread>& threads, Work work) {
  try {
    threads.emplace_back(std::move(work));
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

// Calls work(0) to work(count - 1), each once, on at most that many threads, this one included; returns when all are
// done. work must not throw.
template <typename Work>
void for_each_index(std::size_t count, unsigned threads, const Work& work) {
  std::atomic<std::size_t> next = 0;
  const auto take_turns = [&] {
    for (auto at = next++; at < count; at = next++) {
      work(at);
    }
  };
  std::vector<std::jthread> helpers;
  while (helpers.size() + 1 < std::min<std::size_t>(threads, count) && start_thread(helpers, take_turns)) {
  }
  take_turns();
}

}  // namespace base

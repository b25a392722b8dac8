#include "stress/populate.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace stress {

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

base::Result<> populate(void* begin, std::uint64_t length) {
  static std::atomic<bool> supported{true};
  if (supported.load(std::memory_order_relaxed)) {
    int result = 0;
    do {
      result = ::madvise(begin, length, MADV_POPULATE_WRITE);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
      return {};
    }
    if (errno != EINVAL) {
      return base::system_error("madvise(MADV_POPULATE_WRITE)");
    }
    supported.store(false);  // before Linux 5.14
  }
  auto* bytes = static_cast<volatile unsigned char*>(begin);
  for (std::uint64_t offset = 0; offset < length; offset += page_size()) {
    bytes[offset] = 1;
  }
  return {};
}

// One job at a time: the helpers wait for its number to change, do their part of the range, and count themselves out.
// Parts are contiguous, so that threads meet in no page table.
struct Crew::State {
  std::mutex mutex;
  std::condition_variable begin, done;
  std::uint64_t job = 0;
  std::size_t busy = 0;
  bool over = false;
  std::uint64_t length = 0, chunk = 0;
  const Work* work = nullptr;
  std::atomic<bool> failed{false};
  std::optional<base::Error> error;
  std::vector<std::thread> threads;

  void do_part(std::uint64_t index) {
    const std::uint64_t part = round_up(length / (threads.size() + 1) + 1, chunk);
    const auto end = std::min(length, (index + 1) * part);
    for (auto offset = index * part; offset < end && !failed.load(std::memory_order_relaxed); offset += chunk) {
      if (auto result = (*work)(offset, std::min(chunk, end - offset)); !result) {
        failed.store(true);
        const std::lock_guard lock(mutex);
        error = std::move(result).error();
      }
    }
  }

  void help(std::uint64_t index) {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      begin.wait(lock, [&] { return over || job != seen; });
      if (over) {
        return;
      }
      seen = job;
      lock.unlock();
      do_part(index);
      lock.lock();
      if (--busy == 0) {
        done.notify_one();
      }
    }
  }
};

Crew::Crew(std::uint64_t threads) {
  if (threads <= 1) {
    return;
  }
  state_ = std::make_unique<State>();
  for (std::uint64_t i = 1; i < threads; ++i) {
    state_->threads.emplace_back([state = state_.get(), i] { state->help(i); });
  }
}

Crew::~Crew() {
  if (!state_) {
    return;
  }
  {
    const std::lock_guard lock(state_->mutex);
    state_->over = true;
  }
  state_->begin.notify_all();
  for (auto& thread : state_->threads) {
    thread.join();
  }
}

base::Result<> Crew::work(std::uint64_t length, std::uint64_t chunk, const Work& work) {
  if (!state_ || length <= chunk) {
    for (std::uint64_t offset = 0; offset < length; offset += chunk) {
      TRY(work(offset, std::min(chunk, length - offset)));
    }
    return {};
  }
  auto& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    state.length = length;
    state.chunk = chunk;
    state.work = &work;
    state.failed.store(false);
    state.error.reset();
    state.busy = state.threads.size();
    ++state.job;
  }
  state.begin.notify_all();
  state.do_part(0);
  std::unique_lock lock(state.mutex);
  state.done.wait(lock, [&] { return state.busy == 0; });
  if (state.error) {
    return std::unexpected(std::move(*state.error));
  }
  return {};
}

}  // namespace stress

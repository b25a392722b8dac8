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

// One job at a time: the helpers wait for its number to change, take chunk after chunk of the range, and count
// themselves out. Who is slower, or was away from its processor, takes fewer.
struct Crew::State {
  std::mutex mutex;
  std::condition_variable begin, done;
  std::uint64_t job = 0;
  std::size_t busy = 0;
  bool over = false;
  std::uint64_t length = 0, chunk = 0;
  const Work* work = nullptr;
  std::atomic<std::uint64_t> next{0};  // the offset that nobody has yet
  std::atomic<bool> failed{false};
  std::optional<base::Error> error;
  std::vector<std::thread> threads;

  void take_chunks() {
    while (!failed.load(std::memory_order_relaxed)) {
      const auto offset = next.fetch_add(chunk, std::memory_order_relaxed);
      if (offset >= length) {
        return;
      }
      if (auto result = (*work)(offset, std::min(chunk, length - offset)); !result) {
        failed.store(true);
        const std::lock_guard lock(mutex);
        error = std::move(result).error();
      }
    }
  }

  void help() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex);
    while (true) {
      begin.wait(lock, [&] { return over || job != seen; });
      if (over) {
        return;
      }
      seen = job;
      lock.unlock();
      take_chunks();
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
    state_->threads.emplace_back([state = state_.get()] { state->help(); });
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
    state.next.store(0);
    state.failed.store(false);
    state.error.reset();
    state.busy = state.threads.size();
    ++state.job;
  }
  state.begin.notify_all();
  state.take_chunks();
  std::unique_lock lock(state.mutex);
  state.done.wait(lock, [&] { return state.busy == 0; });
  if (state.error) {
    return std::unexpected(std::move(*state.error));
  }
  return {};
}

}  // namespace stress

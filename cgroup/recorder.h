#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/result.h"
#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cgroup {

// Samples a cgroup while its processes run. Every descriptor is opened and all memory is allocated by create();
// sample() and on_event() allocate nothing. When the ring is full every second sample is dropped and the interval
// doubles, so that the whole run stays covered; what comes sooner than about that interval is then looked at, but not
// kept. A sample of on_event() is always kept, as long as they fit into half of the ring; beyond that only those are
// that saw a kill. Once the cgroup is gone (ENODEV) nothing more is recorded.
class Recorder {
 public:
  using Now = std::chrono::nanoseconds (*)();  // a clock that never goes back; tests bring their own
  // capacity: rows kept at most, at least 16.
  static base::Result<Recorder> create(const Dir& dir, std::size_t capacity = 4096, Now now = nullptr);
  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder();

  // Takes a sample now; cheap enough for 1 kHz: memory.stat and memory.pressure, the dear files, are read as often as
  // 0.5 % and 0.25 % of the time allow, and a sample between two readings lacks their values. Keeps memory.stat of the
  // highest memory.current seen (within 1/64 the newest): it is read besides whenever that has grown by a sixteenth.
  void sample();
  // The event descriptor: readable (EPOLLIN) after memory.events changed, until on_event().
  [[nodiscard]] int event_fd() const;
  // To be called when event_fd() is ready: takes a full sample, reads memory.events; true when oom_kill has grown since
  // the last call.
  bool on_event();

  // What was recorded so far, oldest first.
  [[nodiscard]] std::vector<Sample> samples() const;
  [[nodiscard]] Counters stat_at_peak() const;
  // memory.events as last read, and the final values; the cgroup may be gone by then.
  [[nodiscard]] const MemoryEvents& events() const;
  // When the interval was doubled, how often; the caller may slow its timer by it (1, 2, 4, ...).
  [[nodiscard]] unsigned interval_factor() const;

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cgroup

#include "cgroup/timeline.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace cgroup {
namespace {

constexpr unsigned kLargestFactor = 1U << 30;

std::optional<std::uint64_t> size_of(std::uint64_t value) {
  return value == kNothing ? std::nullopt : std::optional(value);
}

std::optional<std::chrono::microseconds> duration_of(std::uint64_t value) {
  return value == kNothing ? std::nullopt : std::optional(std::chrono::microseconds(static_cast<std::int64_t>(value)));
}

Sample sample_of(const Row& row) {
  return {.t = std::chrono::nanoseconds(row.t_ns),
          .memory = size_of(row.memory),
          .swap = size_of(row.swap),
          .anon = size_of(row.anon),
          .file = size_of(row.file),
          .shmem = size_of(row.shmem),
          .kernel = size_of(row.kernel),
          .psi_some = duration_of(row.psi_some_us),
          .psi_full = duration_of(row.psi_full_us)};
}

// The parts that only some rows hold live on in the row before, so that thinning never loses all of them.
void inherit_parts(Row& kept, const Row& dropped) {
  if (kept.anon == kNothing) {
    kept.anon = dropped.anon;
    kept.file = dropped.file;
    kept.shmem = dropped.shmem;
    kept.kernel = dropped.kernel;
  }
}

}  // namespace

base::Result<Timeline> Timeline::create(std::size_t capacity) {
  capacity = std::max<std::size_t>(capacity, 16);
  const std::size_t bytes = capacity * sizeof(Row);
  // Populated at once: a recorder must not ask for memory while there is none.
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) {
    return base::system_error("memory for the timeline");
  }
  (void)::mlock(memory, bytes);  // where RLIMIT_MEMLOCK allows
  return Timeline({static_cast<Row*>(memory), Unmap{bytes}}, capacity);
}

void Timeline::Unmap::operator()(Row* rows) const noexcept {
  (void)::munmap(rows, bytes);
}

void Timeline::add(const Row& row) {
  const bool too_soon =
      count_ > 0 && row.weight == Row::Weight::plain && row.t_ns - rows_[count_ - 1].t_ns < spacing_ns_;
  latest_ = row;
  latest_is_kept_ = !too_soon;
  if (too_soon) {
    return;
  }
  if (count_ == capacity_) {
    thin_out();
  }
  new (&rows_[count_]) Row(row);
  ++count_;
}

// Drops every second plain row. When events take more than half of the space, those that saw no kill count as plain;
// when kills do, they too: memory is bounded whatever happens.
void Timeline::thin_out() {
  using Weight = Row::Weight;
  const auto heavier_than = [this](Weight weight) {
    return static_cast<std::size_t>(
        std::count_if(&rows_[0], &rows_[count_], [weight](const Row& row) { return row.weight > weight; }));
  };
  const Weight droppable = heavier_than(Weight::plain) <= capacity_ / 2   ? Weight::plain
                           : heavier_than(Weight::event) <= capacity_ / 2 ? Weight::event
                                                                          : Weight::kill;
  std::size_t kept = 0;
  bool drop = false;  // the first stays
  for (std::size_t i = 0; i < count_; ++i) {
    if (rows_[i].weight > droppable) {
      rows_[kept++] = rows_[i];
      continue;
    }
    if (drop) {
      inherit_parts(rows_[kept - 1], rows_[i]);
    } else {
      rows_[kept++] = rows_[i];
    }
    drop = !drop;
  }
  count_ = kept;
  factor_ = std::min(factor_ * 2, kLargestFactor);
  // A little under the mean distance, so that a timer at that interval is not cut by its jitter.
  spacing_ns_ = (rows_[count_ - 1].t_ns - rows_[0].t_ns) / static_cast<std::int64_t>(count_) * 3 / 4;
}

std::vector<Sample> Timeline::samples() const {
  std::vector<Sample> samples;
  samples.reserve(count_ + 1);
  for (std::size_t i = 0; i < count_; ++i) {
    samples.push_back(sample_of(rows_[i]));
  }
  if (!latest_is_kept_) {
    samples.push_back(sample_of(latest_));
  }
  return samples;
}

}  // namespace cgroup

#include "cgroup/timeline.h"

#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

namespace cgroup {
namespace {

constexpr unsigned kLargestFactor = 1U << 30;

std::optional<std::uint64_t> size_of(std::uint64_t value) {
  return value == kNothing ? std::nullopt : std::optional(value);
}

std::optional<std::chrono::microseconds> duration_of(std::uint64_t value) {
  return value == kNothing ? std::nullopt : std::optional(std::chrono::microseconds(static_cast<std::int64_t>(value)));
}

// The parts that only some rows hold live on in a neighbour without them, so that thinning never loses all of them.
void inherit_parts(Row& kept, const Row& dropped) {
  if (kept.anon == kNothing) {
    kept.anon = dropped.anon;
    kept.file = dropped.file;
    kept.shmem = dropped.shmem;
    kept.kernel = dropped.kernel;
  }
  if (kept.psi_some_us == kNothing) {
    kept.psi_some_us = dropped.psi_some_us;
    kept.psi_full_us = dropped.psi_full_us;
  }
}

}  // namespace

Sample to_sample(const Row& row) {
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

base::Result<Timeline> Timeline::create(std::size_t capacity) {
  capacity = std::max<std::size_t>(capacity, 16);
  const std::size_t bytes = capacity * sizeof(Row);
  // Populated at once: a recorder must not ask for memory while there is none.
  constexpr int kPopulated = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kPopulated | MAP_LOCKED, -1, 0);
  if (memory == MAP_FAILED) {  // RLIMIT_MEMLOCK
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kPopulated, -1, 0);
  }
  if (memory == MAP_FAILED) {
    return base::system_error("memory for the timeline");
  }
  return Timeline({static_cast<Row*>(memory), Unmap{bytes}}, capacity);
}

void Timeline::Unmap::operator()(Row* rows) const noexcept {
  (void)::munmap(rows, bytes);
}

void Timeline::add(const Row& row) {
  const bool plain = row.weight == Row::Weight::plain;
  latest_ = row;
  latest_is_kept_ = !plain || row.t_ns >= next_due_ns_ - base_ns_ / 2;
  if (!latest_is_kept_) {
    Row parts = row;
    inherit_parts(parts, passed_over_);
    passed_over_ = parts;
    return;
  }
  const bool full = count_ == capacity_;
  if (full) {
    thin_out();
  }
  Row& added = *new (&rows_[count_]) Row(row);
  inherit_parts(added, std::exchange(passed_over_, Row{}));
  ++count_;
  // By the schedule, so that a caller's late tick makes the next one no less welcome; anew when the caller has lost it.
  const std::int64_t spacing = base_ns_ * factor_;
  if (full || row.t_ns > next_due_ns_ + spacing / 2) {
    next_due_ns_ = row.t_ns + spacing;
  } else if (plain) {
    next_due_ns_ += spacing;
  }
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
  if (base_ns_ == 0) {
    base_ns_ = (rows_[count_ - 1].t_ns - rows_[0].t_ns) / static_cast<std::int64_t>(count_ - 1);
  }
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
}

std::vector<Sample> Timeline::samples() const {
  std::vector<Sample> samples;
  samples.reserve(count_ + 1);
  for (std::size_t i = 0; i < count_; ++i) {
    samples.push_back(to_sample(rows_[i]));
  }
  if (!latest_is_kept_) {
    samples.push_back(to_sample(latest_));
  }
  return samples;
}

}  // namespace cgroup

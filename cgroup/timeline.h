#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/result.h"
#include "cgroup/model.h"

namespace cgroup {

inline constexpr std::uint64_t kNothing = ~std::uint64_t{0};  // a value that was not there, in a Row

// A Sample as it is kept: fixed size, no optionals.
struct Row {
  std::int64_t t_ns = 0;
  std::uint64_t memory = kNothing, swap = kNothing;
  std::uint64_t anon = kNothing, file = kNothing, shmem = kNothing, kernel = kNothing;
  std::uint64_t psi_some_us = kNothing, psi_full_us = kNothing;
  enum class Weight : std::uint8_t { plain, event, kill } weight = Weight::plain;
};

// The row as others know it.
Sample to_sample(const Row& row);

// The rows of a run in memory that is there (and locked, where allowed) from the start. Thins itself out when it is
// full, see Recorder.
class Timeline {
 public:
  // capacity: rows, at least 16.
  static base::Result<Timeline> create(std::size_t capacity);

  // Keeps the row, or, when it comes too soon after the last one, holds it as the latest only.
  void add(const Row& row);

  [[nodiscard]] std::vector<Sample> samples() const;  // with the latest, kept or not
  [[nodiscard]] unsigned interval_factor() const { return factor_; }

 private:
  struct Unmap {
    std::size_t bytes = 0;
    void operator()(Row* rows) const noexcept;
  };
  Timeline(std::unique_ptr<Row[], Unmap> rows, std::size_t capacity) : rows_(std::move(rows)), capacity_(capacity) {}
  void thin_out();

  std::unique_ptr<Row[], Unmap> rows_;
  std::size_t capacity_;
  std::size_t count_ = 0;
  Row latest_;
  Row passed_over_;  // what only some rows hold, newest of the rows that were not kept
  bool latest_is_kept_ = true;
  std::int64_t base_ns_ = 0;      // mean distance of rows when the ring was full for the first time
  std::int64_t next_due_ns_ = 0;  // plain rows before that (less half a base) are not kept
  unsigned factor_ = 1;
};

}  // namespace cgroup

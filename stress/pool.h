#pragma once

#include <cstdint>

#include "base/result.h"

namespace stress {

// Memory of one kind that can grow and mostly shrink: what a workload gives to drive() (stress/drive.h). Sizes are by
// its own count, which may differ from what the kernel counts; drive() finds out.
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool(Pool&&) = delete;
  Pool& operator=(const Pool&) = delete;
  Pool& operator=(Pool&&) = delete;
  virtual ~Pool() = default;

  // The smallest step, in bytes.
  [[nodiscard]] virtual std::uint64_t unit() const = 0;
  // Whether a byte by its own count is a byte of the kernel's counter.
  [[nodiscard]] virtual bool is_exact() const { return true; }
  // Whether reclaim can take it back at the limit, so that nobody is killed for it.
  [[nodiscard]] virtual bool is_reclaimable() const { return false; }
  // What it holds, by its own count.
  [[nodiscard]] std::uint64_t held() const { return held_; }

  // Adds that many bytes, a multiple of unit().
  base::Result<> grow(std::uint64_t bytes) {
    TRY(add(bytes));
    held_ += bytes;
    return {};
  }
  // Gives back that many of the bytes added last, a multiple of unit(), at most held().
  base::Result<> shrink(std::uint64_t bytes) {
    TRY(remove(bytes));
    held_ -= bytes;
    return {};
  }
  // Whether shrink() works.
  [[nodiscard]] virtual bool can_shrink() const { return true; }

 protected:
  virtual base::Result<> add(std::uint64_t bytes) = 0;
  virtual base::Result<> remove(std::uint64_t bytes) = 0;

 private:
  std::uint64_t held_ = 0;
};

}  // namespace stress

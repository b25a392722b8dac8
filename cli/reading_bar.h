#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace cli {

// How far the reading of large logs has come, on standard error: for a terminal, and for more than 100 MB.
class ReadingBar {
 public:
  // total: bytes of all inputs, if known.
  explicit ReadingBar(std::optional<std::uint64_t> total);
  [[nodiscard]] bool is_shown() const { return shown_; }
  void update(std::uint64_t bytes);
  void clear() const;

 private:
  using Clock = std::chrono::steady_clock;
  std::optional<std::uint64_t> total_;
  bool shown_ = false, drawn_ = false;
  Clock::time_point start_ = Clock::now(), last_;
};

}  // namespace cli

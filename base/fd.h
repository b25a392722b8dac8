#pragma once

#include <unistd.h>

#include <utility>

namespace base {

// Owns a file descriptor. Closes it once; close() is never retried (close(2): Linux releases the descriptor even on
// EINTR).
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      reset(other.release());
    }
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0) {
      (void)::close(fd_);  // nothing to be done about an error: the descriptor is gone either way
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace base

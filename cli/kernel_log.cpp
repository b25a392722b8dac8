#include "cli/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace cli {
namespace {

constexpr std::size_t kReserve = 1 << 20;
constexpr std::size_t kLimit = 16 << 20;
constexpr std::size_t kLargestRecord = 8192;  // CONSOLE_EXT_LOG_MAX of kernel/printk

}  // namespace

KernelLog::KernelLog(base::Fd fd) : fd_(std::move(fd)) {
  text_.reserve(kReserve);
}

base::Result<KernelLog> KernelLog::open_at_end(const char* path) {
  base::Fd fd(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return base::system_error(path);
  }
  if (::lseek(fd.get(), 0, SEEK_END) < 0) {
    return base::system_error(path);
  }
  return KernelLog(std::move(fd));
}

void KernelLog::drain() {
  std::array<char, kLargestRecord> record{};
  while (true) {
    const ssize_t got = ::read(fd_.get(), record.data(), record.size());
    if (got > 0) {
      if (text_.size() + static_cast<std::size_t>(got) > kLimit) {
        ++dropped_;
      } else {
        text_.append(record.data(), static_cast<std::size_t>(got));
      }
    } else if (got < 0 && errno == EPIPE) {
      ++overruns_;  // the next read continues with the oldest record that is left
    } else if (got < 0 && errno == EINTR) {
      continue;
    } else {
      return;
    }
  }
}

}  // namespace cli

#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace cli {

// What the kernel logs from now on, read from /dev/kmsg (Documentation/ABI/testing/dev-kmsg) as raw records. Opened
// before the run starts and drained while it lasts, so that the ring buffer does not lap us; if it does (EPIPE), the
// loss is counted.
class KernelLog {
 public:
  // Fails when this user may not read it (kernel.dmesg_restrict) or there is none.
  static base::Result<KernelLog> open_at_end(const char* path = "/dev/kmsg");

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Reads what is there; never blocks, allocates only when the reserve is used up. Beyond 16 MiB records are dropped
  // and counted.
  void drain();
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::uint64_t overruns() const { return overruns_; }
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  explicit KernelLog(base::Fd fd);
  base::Fd fd_;
  std::string text_;
  std::uint64_t overruns_ = 0, dropped_ = 0;
};

}  // namespace cli

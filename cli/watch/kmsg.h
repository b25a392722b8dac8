#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace cli::watch {

// /dev/kmsg (Documentation/ABI/testing/dev-kmsg), record by record, from a place on.
class Kmsg {
 public:
  // from: the first record that is wanted; nothing: only what comes from now on. Fails where this user may not read it
  // (kernel.dmesg_restrict, no CAP_SYSLOG) or there is none.
  static base::Result<Kmsg> open(std::optional<std::uint64_t> from, const char* path = "/dev/kmsg");

  [[nodiscard]] int fd() const { return fd_.get(); }
  // Everything that is there; never blocks.
  void read(const std::function<void(std::string_view record)>& on_record);
  // The sequence number of the next record; nothing when none was ever there.
  [[nodiscard]] std::optional<std::uint64_t> next() const { return next_; }

 private:
  Kmsg(base::Fd fd, std::optional<std::uint64_t> next) : fd_(std::move(fd)), next_(next) {}
  base::Fd fd_;
  std::optional<std::uint64_t> next_;  // the sequence number that is expected
};

// "6,1234,5678901,-;text": 1234.
std::optional<std::uint64_t> sequence_of(std::string_view record);

}  // namespace cli::watch

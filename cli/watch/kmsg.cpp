#include "cli/watch/kmsg.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/scanner.h"

namespace cli::watch {
namespace {

constexpr std::size_t kLargestRecord = 8192;  // CONSOLE_EXT_LOG_MAX of kernel/printk

}  // namespace

std::optional<std::uint64_t> sequence_of(std::string_view record) {
  base::Scanner in(record);
  if (!in.number<unsigned>() || !in.literal(",")) {
    return std::nullopt;
  }
  const auto sequence = in.number<std::uint64_t>();
  return sequence && in.literal(",") ? sequence : std::nullopt;
}

base::Result<Kmsg> Kmsg::open(std::optional<std::uint64_t> from, const char* path) {
  base::Fd fd(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    return base::system_error(path);
  }
  Kmsg log(std::move(fd), from);
  if (!from) {
    log.read([](std::string_view) {});  // what is there already: only its last number is of interest
  }
  return log;
}

void Kmsg::read(const std::function<void(std::string_view record)>& on_record) {
  std::array<char, kLargestRecord> buffer{};
  while (true) {
    const auto got = ::read(fd_.get(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EPIPE || errno == EINTR)) {
      continue;  // EPIPE: overwritten; the next read goes on with the oldest that is left
    }
    if (got <= 0) {
      return;
    }
    const std::string_view record(buffer.data(), static_cast<std::size_t>(got));
    const auto sequence = sequence_of(record);
    if (sequence && (!next_ || *sequence >= *next_)) {
      next_ = *sequence + 1;
      on_record(record);
    }
  }
}

}  // namespace cli::watch

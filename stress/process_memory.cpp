#include "stress/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/scanner.h"

namespace stress {
namespace {

// "VmRSS:\t    1234 kB\n" of that file.
std::optional<std::uint64_t> find_line(const char* file, std::string_view key, pid_t pid) {
  std::array<char, 64> path{};
  if (pid == 0) {
    fmt::format_to_n(path.data(), path.size() - 1, "/proc/self/{}", file);
  } else {
    fmt::format_to_n(path.data(), path.size() - 1, "/proc/{}/{}", pid, file);
  }
  const base::Fd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 8192> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  base::Scanner in({text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
  while (!in.done()) {
    if (in.literal(key) && in.literal(":")) {
      in.skip_blanks();
      const auto kilobytes = in.number<std::uint64_t>();
      return kilobytes ? std::optional(*kilobytes * 1024) : std::nullopt;
    }
    if (!in.until("\n")) {
      break;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::uint64_t> status_bytes(std::string_view key, pid_t pid) {
  return find_line("status", key, pid);
}

std::optional<std::uint64_t> rollup_bytes(std::string_view key, pid_t pid) {
  return find_line("smaps_rollup", key, pid);
}

void note_memory(const Context& context, std::string_view step, std::initializer_list<std::string_view> keys,
                 pid_t pid) {
  for (const auto key : keys) {
    auto bytes = status_bytes(key, pid);
    if (!bytes) {
      bytes = rollup_bytes(key, pid);
    }
    if (bytes) {
      context.note(step, key, static_cast<double>(*bytes), "bytes");
    }
  }
}

void note_counters(const Context& context, std::string_view step, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (const auto bytes = context.meter.read(name)) {
      context.note(step, name, static_cast<double>(*bytes), "bytes");
    }
  }
}

}  // namespace stress

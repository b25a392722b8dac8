#include "stress/process_memory.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
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

std::uint64_t heap_mapping_bytes() {
  const base::Fd maps(::open("/proc/self/maps", O_RDONLY | O_CLOEXEC));
  std::array<char, 8192> text;  // NOLINT(cppcoreguidelines-pro-type-member-init): read into
  std::size_t kept = 0;
  std::uint64_t bytes = 0;
  ssize_t got = 0;
  while ((got = ::read(maps.get(), text.data() + kept, text.size() - kept)) > 0) {
    const std::string_view all(text.data(), kept + static_cast<std::size_t>(got));
    std::size_t begin = 0;
    for (auto end = all.find('\n'); end != std::string_view::npos; end = all.find('\n', begin)) {
      const auto line = all.substr(begin, end - begin);
      begin = end + 1;
      base::Scanner in(line);
      const auto first = in.number<std::uint64_t>(16);
      const auto last = first && in.literal("-") ? in.number<std::uint64_t>(16) : std::nullopt;
      bytes += last && line.ends_with("[heap]") ? *last - *first : 0;
    }
    kept = all.size() - begin;
    std::memmove(text.data(), text.data() + begin, kept);
    if (kept == text.size()) {
      break;  // a line that long is none of ours
    }
  }
  return bytes;
}

// "55d0c0a00000-55d0c0a21000 rw-p 00000000 00:00 0    [heap]", the last of perhaps several; field 47 of stat is where
// the heap would begin (proc(5)).
std::optional<std::uint64_t> program_break(pid_t pid) {
  const auto maps = base::read_all(fmt::format("/proc/{}/maps", pid));
  if (!maps) {
    return std::nullopt;
  }
  if (const auto heap = maps->rfind("[heap]"); heap != std::string::npos) {
    const auto line = maps->rfind('\n', heap);
    base::Scanner in(std::string_view(*maps).substr(line == std::string::npos ? 0 : line + 1));
    return in.number<std::uint64_t>(16) && in.literal("-") ? in.number<std::uint64_t>(16) : std::nullopt;
  }
  const auto stat = base::read_all(fmt::format("/proc/{}/stat", pid));
  const auto name_end = stat ? stat->rfind(')') : std::string::npos;
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  base::Scanner in(std::string_view(*stat).substr(name_end + 1));
  constexpr int kStartBreak = 47;
  for (int field = 3; field < kStartBreak; ++field) {
    in.skip_blanks();
    (void)in.word();
  }
  in.skip_blanks();
  return in.number<std::uint64_t>();
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

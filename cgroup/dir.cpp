#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/group.h"
#include "cgroup/parse.h"

namespace cgroup {
namespace {

std::string describe(const std::filesystem::path& folder, const char* file) {
  return base::escape_terminal((folder / file).native());
}

}  // namespace

base::Result<Dir> Dir::open(const std::filesystem::path& path) {
  base::Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    return base::system_error(base::escape_terminal(path.native()));
  }
  return Dir(std::move(fd), path);
}

bool Dir::has(const char* file) const {
  return ::faccessat(fd(), file, F_OK, 0) == 0;
}

base::Result<base::Fd> Dir::open_file(const char* file, int flags) const {
  base::Fd opened(::openat(fd(), file, flags | O_CLOEXEC));
  if (!opened) {
    return base::system_error(describe(path_, file));
  }
  return opened;
}

base::Result<std::string> Dir::read(const char* file) const {
  TRY_ASSIGN(const base::Fd opened, open_file(file, O_RDONLY));
  // seq_file(9) hands out whole records up to a page: a read that leaves room for another one was the last. Only
  // cgroup.procs and its like have several records, of a number each.
  constexpr std::size_t kPage = 4096;
  constexpr std::size_t kRoom = 256;
  std::array<char, kPage> page;  // NOLINT(cppcoreguidelines-pro-type-member-init): filled by the kernel
  const ssize_t got = ::pread(opened.get(), page.data(), page.size(), 0);
  if (got >= 0 && static_cast<std::size_t>(got) < kPage - kRoom) {
    return std::string(page.data(), static_cast<std::size_t>(got));
  }
  auto whole = base::read_all(opened.get());
  if (!whole) {
    return std::unexpected(std::move(whole).error().context(describe(path_, file)));
  }
  return whole;
}

base::Result<> Dir::write(const char* file, std::string_view text) const {
  // O_TRUNC means nothing to a control file; it makes an ordinary file behave like one.
  TRY_ASSIGN(const base::Fd opened, open_file(file, O_WRONLY | O_TRUNC));
  ssize_t written = 0;
  do {
    written = ::write(opened.get(), text.data(), text.size());
  } while (written < 0 && errno == EINTR);
  if (written < 0) {
    return base::system_error(fmt::format("{}: writing '{}'", describe(path_, file), base::escape_terminal(text)));
  }
  if (static_cast<std::size_t>(written) != text.size()) {
    return base::fail(base::ErrorKind::syscall,
                      fmt::format("{}: took {} of the {} bytes of '{}'", describe(path_, file), written, text.size(),
                                  base::escape_terminal(text)));
  }
  return {};
}

Snapshot take_snapshot(const Dir& dir) {
  Snapshot now;
  now.memory_current = dir.value("memory.current", parse_count);
  now.memory_peak = dir.value("memory.peak", parse_count);
  now.swap_current = dir.value("memory.swap.current", parse_count);
  now.swap_peak = dir.value("memory.swap.peak", parse_count);
  now.memory_max = dir.value("memory.max", parse_limit);
  now.memory_high = dir.value("memory.high", parse_limit);
  now.memory_min = dir.value("memory.min", parse_limit);
  now.memory_low = dir.value("memory.low", parse_limit);
  now.swap_max = dir.value("memory.swap.max", parse_limit);
  if (const auto group = dir.value("memory.oom.group", parse_count)) {
    now.oom_group = *group != 0;
  }
  now.memory_stat = dir.value("memory.stat", parse_counters).value_or(Counters{});
  now.events = dir.value("memory.events", parse_memory_events);
  now.events_local = dir.value("memory.events.local", parse_memory_events);
  now.swap_events = dir.value("memory.swap.events", parse_swap_events);
  now.pressure = dir.value("memory.pressure", parse_pressure);
  now.numa_stat = dir.value("memory.numa_stat", parse_numa_stat).value_or(std::vector<NumaRow>{});
  return now;
}

}  // namespace cgroup

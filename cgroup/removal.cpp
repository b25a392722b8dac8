#include "cgroup/removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/scanner.h"
#include "cgroup/parse.h"

namespace cgroup {
namespace {

using base::Result;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

bool is_gone(const base::Error& error) {
  return error.sys_errno == ENOENT || error.sys_errno == ENODEV;
}

int left_of(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::int64_t{3600} * 1000));
}

// The folders in it, opened. One that vanishes meanwhile is left out.
Result<std::vector<Dir>> children(const Dir& dir) {
  TRY_ASSIGN(base::Fd again, dir.open_file(".", O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(again.get()), ::closedir);
  if (!stream) {
    return base::system_error(base::escape_terminal(dir.path().native()));
  }
  (void)again.release();  // closed by the stream
  std::vector<Dir> found;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == ".." || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN)) {
      continue;
    }
    if (auto child = Dir::open(dir.path() / name)) {
      found.push_back(*std::move(child));
    }
  }
  return found;
}

// SIGKILL to all in cgroup.procs of it and below; how many there were. 0 there is a process outside our PID namespace:
// no target.
std::size_t signal_all(const Dir& dir) {
  std::size_t count = 0;
  if (const auto text = dir.read("cgroup.procs")) {
    base::Scanner scanner(*text);
    while (const auto pid = scanner.number<pid_t>()) {
      if (*pid > 0) {
        count += ::kill(*pid, SIGKILL) == 0 ? 1U : 0U;
      }
      (void)scanner.literal("\n");  // the last line of a fake may lack it
    }
  }
  if (const auto below = children(dir)) {
    for (const auto& child : *below) {
      count += signal_all(child);
    }
  }
  return count;
}

// Waits until read says so of cgroup.events, or the time is over. The descriptor is read before each poll: that is what
// arms kernfs' POLLPRI.
template <typename Done>
Result<bool> wait_for_events(const Dir& dir, Clock::time_point deadline, Done done) {
  TRY_ASSIGN(const base::Fd fd, dir.open_file("cgroup.events", O_RDONLY));
  while (true) {
    char text[256];
    const ssize_t got = ::pread(fd.get(), text, sizeof text, 0);
    if (got < 0) {
      return base::system_error("cgroup.events");
    }
    TRY_ASSIGN(const auto events, parse_cgroup_events(std::string_view(text, static_cast<std::size_t>(got))));
    if (done(events)) {
      return true;
    }
    pollfd poll_fd{.fd = fd.get(), .events = POLLPRI, .revents = 0};
    const int ready = ::poll(&poll_fd, 1, left_of(deadline));
    if (ready < 0 && errno != EINTR) {
      return base::system_error("poll of cgroup.events");
    }
    if (Clock::now() >= deadline) {
      return false;
    }
  }
}

// rmdir of all below it, deepest first, then of itself. EBUSY is the error of the first that cannot go yet.
Result<> remove_folders(const Dir& dir) {
  if (auto below = children(dir)) {
    for (const auto& child : *below) {
      TRY(remove_folders(child));
    }
  }
  if (::rmdir(dir.path().c_str()) != 0 && errno != ENOENT) {
    return base::system_error(fmt::format("removing {}", base::escape_terminal(dir.path().native())));
  }
  return {};
}

std::size_t count_processes(const Dir& dir) {
  const auto text = dir.read("cgroup.procs");
  std::size_t count = text ? static_cast<std::size_t>(std::ranges::count(*text, '\n')) : 0;
  if (const auto below = children(dir)) {
    for (const auto& child : *below) {
      count += count_processes(child);
    }
  }
  return count;
}

}  // namespace

Result<> kill_all(const Dir& dir) {
  auto written = dir.write("cgroup.kill", "1");
  if (written || written.error().sys_errno == ENODEV) {
    return {};
  }
  if (written.error().sys_errno != ENOENT) {
    return written;
  }
  return kill_each(dir);
}

// For kernels before 5.14: nothing forks while frozen, so one round gets all; without the freezer (before 5.2) rounds
// go on until none is left.
Result<> kill_each(const Dir& dir) {
  if (dir.write("cgroup.freeze", "1")) {
    // Not frozen in time is no reason to stop: what forks meanwhile is met in a later round.
    (void)wait_for_events(dir, Clock::now() + milliseconds(200),
                          [](const auto& events) { return events.frozen.value_or(false); });
  }
  std::size_t killed = signal_all(dir);
  (void)dir.write("cgroup.freeze", "0");  // there is none on kernels before 5.2
  for (int round = 0; round < 200 && killed != 0; ++round) {
    if (wait_until_empty(dir, milliseconds(10))) {
      return {};
    }
    killed = signal_all(dir);
  }
  return {};
}

Result<> wait_until_empty(const Dir& dir, milliseconds timeout) {
  const auto empty =
      wait_for_events(dir, Clock::now() + timeout, [](const auto& events) { return !events.populated.value_or(true); });
  if (!empty) {
    return is_gone(empty.error()) ? Result<>{} : std::unexpected(empty.error());
  }
  if (!*empty) {
    return base::fail(base::ErrorKind::timeout,
                      fmt::format("{}: still {} processes in it after {} ms",
                                  base::escape_terminal(dir.path().native()), count_processes(dir), timeout.count()));
  }
  return {};
}

Result<> remove_tree(const Dir& dir, milliseconds timeout) {
  if (::rmdir(dir.path().c_str()) == 0) {
    return {};  // the usual case: nothing in it any more
  }
  const auto deadline = Clock::now() + timeout;
  for (milliseconds pause(1);; pause = std::min(pause * 2, milliseconds(50))) {
    TRY(kill_all(dir));
    TRY(wait_until_empty(dir, milliseconds(left_of(deadline))));
    auto removed = remove_folders(dir);
    if (removed || removed.error().sys_errno != EBUSY || Clock::now() >= deadline) {
      return removed;
    }
    // Empty and busy at once: a task is on its way out, or one was forked meanwhile, which the next kill ends.
    (void)wait_for_events(dir, std::min(deadline, Clock::now() + pause), [](const auto&) { return false; });
  }
}

}  // namespace cgroup

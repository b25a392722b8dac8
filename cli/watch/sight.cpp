#include "cli/watch/sight.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "base/file.h"
#include "cgroup/hierarchy.h"
#include "cgroup/parse.h"

namespace cli::watch {
namespace {

double now_of(clockid_t clock) {
  timespec now{};
  (void)::clock_gettime(clock, &now);  // cannot fail for these clocks
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

base::Result<Tree> find_tree() {
  TRY_ASSIGN(const auto hierarchy, cgroup::find_own_hierarchy());
  if (hierarchy.mount.empty()) {
    return base::fail(
        base::ErrorKind::unsupported, "no cgroup v2 is mounted here",
        "boot with systemd.unified_cgroup_hierarchy=1; in a container mount the machine's /sys/fs/cgroup");
  }
  if (hierarchy.memory_on_v1) {
    return base::fail(base::ErrorKind::unsupported,
                      "the memory controller is on cgroup v1, whose groups count no kills",
                      "boot with systemd.unified_cgroup_hierarchy=1");
  }
  // Every cgroup but the real root has cgroup.events (since 4.2).
  return Tree{.root = hierarchy.mount, .is_whole = ::access((hierarchy.mount / "cgroup.events").c_str(), F_OK) != 0};
}

std::string boot_id() {
  auto text = base::read_all("/proc/sys/kernel/random/boot_id", 64).value_or("");
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text;
}

std::optional<std::string> kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? std::optional<std::string>(name.release) : std::nullopt;
}

std::optional<std::uint64_t> machine_kills() {
  const auto text = base::read_all("/proc/vmstat", std::size_t{1} << 20);
  const auto counters = text ? cgroup::parse_counters(*text) : std::unexpected(text.error());
  return counters ? cgroup::find(*counters, "oom_kill") : std::nullopt;
}

double monotonic_now() {
  return now_of(CLOCK_MONOTONIC);
}

std::string realtime_of(double monotonic_s) {
  const auto then = now_of(CLOCK_REALTIME) - (monotonic_now() - monotonic_s);
  return rfc3339(static_cast<std::int64_t>(std::llround(then * 1000)));
}

std::string rfc3339(std::int64_t epoch_ms) {
  constexpr std::int64_t kSecond = 1000;
  const auto seconds = static_cast<std::time_t>(epoch_ms / kSecond);
  std::tm parts{};
  (void)::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, epoch_ms % kSecond);
}

}  // namespace cli::watch

#include "cli/doctor/facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/scanner.h"

namespace cli::doctor {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSmallFile = 1 << 20;

std::optional<std::int64_t> read_sysctl(const char* path) {
  const auto text = base::read_all(path, kSmallFile);
  return text ? base::Scanner(*text).number<std::int64_t>() : std::nullopt;
}

// "SwapTotal:       2097148 kB" of /proc/meminfo.
std::optional<std::uint64_t> meminfo_bytes(std::string_view meminfo, std::string_view name) {
  base::Scanner in(meminfo);
  while (const auto text = in.until("\n")) {
    base::Scanner line(*text);
    if (line.literal(name) && line.literal(":")) {
      line.skip_blanks();
      const auto kib = line.number<std::uint64_t>();
      return kib ? std::optional(*kib * 1024) : std::nullopt;
    }
  }
  return std::nullopt;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  base::Scanner in(text);
  while (const auto word = in.word()) {
    found.emplace_back(*word);
    in.skip_blanks();
  }
  return found;
}

int errno_of_reading(const char* path) {
  const auto text = base::read_all(path, kSmallFile);
  return text ? 0 : text.error().sys_errno;
}

int errno_of_opening(const char* path) {
  const base::Fd fd(::open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  return fd ? 0 : errno;
}

MemoryFiles look_for_files(const fs::path& cgroup) {
  std::error_code absent;  // is what `false` says
  struct stat peak{};
  MemoryFiles files;
  files.peak = ::stat((cgroup / "memory.peak").c_str(), &peak) == 0;
  files.peak_resettable = files.peak && (peak.st_mode & S_IWUSR) != 0;
  files.swap_max = fs::exists(cgroup / "memory.swap.max", absent);
  files.oom_group = fs::exists(cgroup / "memory.oom.group", absent);
  files.cgroup_kill = fs::exists(cgroup / "cgroup.kill", absent);
  return files;
}

// Our cgroup, else any child of the mount: one that has the memory controller.
std::optional<MemoryFiles> memory_files(const cgroup::Hierarchy& hierarchy) {
  std::error_code error;
  const auto has_memory = [&](const fs::path& cgroup) { return fs::exists(cgroup / "memory.max", error); };
  if (!hierarchy.own.empty() && has_memory(hierarchy.own)) {
    return look_for_files(hierarchy.own);
  }
  if (hierarchy.mount.empty()) {
    return std::nullopt;
  }
  for (fs::directory_iterator entry(hierarchy.mount, error), end; !error && entry != end; entry.increment(error)) {
    if (has_memory(entry->path())) {
      return look_for_files(entry->path());
    }
  }
  return std::nullopt;
}

std::vector<std::string> controllers(const cgroup::Hierarchy& hierarchy) {
  const auto folder = hierarchy.own.empty() ? hierarchy.mount : hierarchy.own;
  const auto text =
      folder.empty() ? base::Result<std::string>("") : base::read_all(folder / "cgroup.controllers", kSmallFile);
  return text ? words(*text) : std::vector<std::string>{};
}

// Processes whose names are those of the user-space OOM killers (/proc/PID/comm, at most 15 bytes).
std::vector<std::string> oom_killers() {
  constexpr std::array<std::string_view, 6> kNames = {"systemd-oomd", "earlyoom", "nohang", "oomd", "oomd_bin", "lmkd"};
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const auto pid = entry->path().filename().native();
    if (pid.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    auto comm = base::read_all(entry->path() / "comm", 64);
    if (comm && comm->ends_with('\n')) {
      comm->pop_back();
    }
    if (comm && std::ranges::find(kNames, *comm) != kNames.end()) {
      found.push_back(fmt::format("{} (pid {})", *comm, pid));
    }
  }
  std::ranges::sort(found);
  return found;
}

// landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION.
int landlock_abi() {
  constexpr long kCreateRuleset = 444;  // the same on every architecture; <sys/syscall.h> of 2021 may lack it
  constexpr unsigned kVersion = 1;
  const long abi = ::syscall(kCreateRuleset, nullptr, 0, kVersion);
  return abi < 0 ? 0 : static_cast<int>(abi);
}

}  // namespace

Facts gather() {
  Facts facts;
  utsname name{};
  if (::uname(&name) == 0) {
    facts.kernel = fmt::format("{} {}", name.release, name.machine);
  }
  facts.hierarchy = cgroup::find_own_hierarchy().value_or(cgroup::Hierarchy{});
  facts.controllers = controllers(facts.hierarchy);
  facts.delegation = cgroup::find_delegation(facts.hierarchy);
  facts.memory_files = memory_files(facts.hierarchy);
  if (const auto meminfo = base::read_all("/proc/meminfo", kSmallFile)) {
    facts.swap_total_bytes = meminfo_bytes(*meminfo, "SwapTotal");
    facts.swap_free_bytes = meminfo_bytes(*meminfo, "SwapFree");
  }
  facts.psi_errno = errno_of_reading("/proc/pressure/memory");
  facts.kmsg_errno = errno_of_opening("/dev/kmsg");
  facts.dmesg_restrict = read_sysctl("/proc/sys/kernel/dmesg_restrict");
  facts.panic_on_oom = read_sysctl("/proc/sys/vm/panic_on_oom");
  facts.oom_kill_allocating_task = read_sysctl("/proc/sys/vm/oom_kill_allocating_task");
  facts.oom_dump_tasks = read_sysctl("/proc/sys/vm/oom_dump_tasks");
  facts.overcommit_memory = read_sysctl("/proc/sys/vm/overcommit_memory");
  facts.vm = vm::availability();
  facts.seccomp_filters = errno_of_reading("/proc/sys/kernel/seccomp/actions_avail") == 0;
  facts.landlock_abi = landlock_abi();
  facts.oom_killers = oom_killers();
  return facts;
}

}  // namespace cli::doctor

#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"

// What of the machine a watch needs to know once.
namespace cli::watch {

struct Tree {
  std::filesystem::path root;  // of the cgroup2 mount
  bool is_whole = false;       // the mount shows the machine's real root, whose paths the kernel log prints
};
// kind unsupported where there is no cgroup v2 with the memory controller.
base::Result<Tree> find_tree();

std::string boot_id();  // "" when it cannot be read
std::optional<std::string> kernel_release();
// OOM kills on the whole machine since boot: oom_kill of /proc/vmstat.
std::optional<std::uint64_t> machine_kills();

double monotonic_now();
// The time of day at that time of the kernel's clock, RFC 3339 in UTC, to the millisecond: as dmesg -T, right as long
// as the machine was not suspended since.
std::string realtime_of(double monotonic_s);
// The same of a time since the epoch. Pure.
std::string rfc3339(std::int64_t epoch_ms);

}  // namespace cli::watch

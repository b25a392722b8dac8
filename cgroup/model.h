#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// What the kernel says in the files of a cgroup v2, as values (Documentation/admin-guide/cgroup-v2.rst). Pure: shared
// with forensics.
namespace cgroup {

// Counters in file order, names as the kernel's; unknown ones are kept. Sizes in bytes, the others as printed.
using Counters = std::vector<std::pair<std::string, std::uint64_t>>;

// The counter of that name, or nothing when the kernel does not print it.
std::optional<std::uint64_t> find(const Counters& counters, std::string_view name);

// memory.max and its kin: bytes, or nothing for "max".
struct Limit {
  std::optional<std::uint64_t> bytes;
  bool operator==(const Limit&) const = default;
};

// memory.events and memory.events.local; a field that this kernel does not print is nothing.
struct MemoryEvents {
  std::optional<std::uint64_t> low, high, max, oom, oom_kill, oom_group_kill;
  Counters other;
  bool operator==(const MemoryEvents&) const = default;
};

// memory.swap.events.
struct SwapEvents {
  std::optional<std::uint64_t> high, max, fail;
  Counters other;
  bool operator==(const SwapEvents&) const = default;
};

// One line of memory.pressure: averages in percent, total stalled time.
struct PressureLine {
  double avg10 = 0, avg60 = 0, avg300 = 0;
  std::chrono::microseconds total{0};
  bool operator==(const PressureLine&) const = default;
};

// memory.pressure (Documentation/accounting/psi.rst).
struct Pressure {
  std::optional<PressureLine> some, full;
  bool operator==(const Pressure&) const = default;
};

// cgroup.events.
struct CgroupEvents {
  std::optional<bool> populated, frozen;
  bool operator==(const CgroupEvents&) const = default;
};

// memory.numa_stat: a row per counter, bytes per node.
struct NumaRow {
  std::string name;
  std::vector<std::pair<unsigned, std::uint64_t>> nodes;
  bool operator==(const NumaRow&) const = default;
};

// Everything read from one memory cgroup at one moment. A file that is not there is nothing.
struct Snapshot {
  std::optional<std::uint64_t> memory_current, memory_peak, swap_current, swap_peak;
  std::optional<Limit> memory_max, memory_high, memory_min, memory_low, swap_max;
  std::optional<bool> oom_group;
  Counters memory_stat;
  std::optional<MemoryEvents> events, events_local;
  std::optional<SwapEvents> swap_events;
  std::optional<Pressure> pressure;
  std::vector<NumaRow> numa_stat;
};

// The limits that a group is made with; nothing = the file is not written. memory_max and memory_high are rounded down
// to a page by the kernel.
struct Limits {
  std::optional<Limit> memory_max, memory_high, memory_min, memory_low, swap_max, zswap_max;
  std::optional<Limit> pids_max;  // processes, not bytes
  std::optional<bool> oom_group;
};

// One row of the recorder's timeline. A value that the kernel does not offer is nothing.
struct Sample {
  std::chrono::nanoseconds t{0};  // since the recorder's start
  std::optional<std::uint64_t> memory, swap, anon, file, shmem, kernel;
  std::optional<std::chrono::microseconds> psi_some, psi_full;  // totals
};

}  // namespace cgroup

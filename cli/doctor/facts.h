#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/delegation.h"
#include "cgroup/hierarchy.h"
#include "vm/vm.h"

// What `oomlab doctor` knows of this machine. Gathered in one place, so that judging is pure and tested with values.
namespace cli::doctor {

// The files that a cgroup with the memory controller has here, seen on any cgroup but the root. Nothing when there is
// no such cgroup to look at.
struct MemoryFiles {
  bool peak = false;             // memory.peak (5.19)
  bool peak_resettable = false;  // and it can be written (6.12)
  bool swap_max = false;         // memory.swap.max: swap is accounted
  bool oom_group = false;        // memory.oom.group (4.19)
  bool cgroup_kill = false;      // cgroup.kill (5.14)
};

struct Facts {
  std::string kernel;  // "6.12.117+deb12-cloud-amd64 x86_64"
  cgroup::Hierarchy hierarchy;
  std::vector<std::string> controllers;  // cgroup.controllers of our cgroup, else of the mount
  cgroup::Delegation delegation;
  std::optional<MemoryFiles> memory_files;
  std::optional<std::uint64_t> swap_total_bytes, swap_free_bytes;  // /proc/meminfo
  std::optional<int> psi_errno;                                    // of reading /proc/pressure/memory, 0 = it works
  std::optional<int> kmsg_errno;                                   // of opening /dev/kmsg, 0 = it works
  std::optional<std::int64_t> dmesg_restrict;                      // sysctls: nothing when they cannot be read
  std::optional<std::int64_t> panic_on_oom, oom_kill_allocating_task, oom_dump_tasks, overcommit_memory;
  vm::Availability vm;
  bool seccomp_filters = false;
  int landlock_abi = 0;                  // 0: the kernel has none, or it is off
  std::vector<std::string> oom_killers;  // user-space ones that run: "earlyoom (pid 612)"
};

// Looks at the machine; changes nothing and never fails: what cannot be read is nothing.
Facts gather();

}  // namespace cli::doctor

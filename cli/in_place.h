#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"
#include "stress/workload.h"

namespace cli {

// Workloads in this very cgroup: what a container's own process does. No cgroup is made, so one that limits us must be
// there.

// How much a workload may fill before it stops by itself, should the limit not hold. Refuses (kind usage) a growth
// without an end where nothing limits this process.
base::Result<std::uint64_t> cap_in_place(const stress::Parameters& parameters);

// Probes and runs it in this process; returns the exit status: 1 what went wrong, 3 what this machine cannot. Its name
// is what the kernel's report shows then.
int run_in_place(const base::Descriptor<stress::Workload>& workload, stress::Context context);

// More than a limit allows, with room for what else the process holds.
std::uint64_t cap_above(std::uint64_t memory_bytes, std::uint64_t swap_bytes);

}  // namespace cli

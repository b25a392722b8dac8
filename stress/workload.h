#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"
#include "stress/meter.h"
#include "stress/parameters.h"

namespace stress {

// Something that a workload has seen of itself: at which step, what, how much ("bytes", "calls", ...).
using Observe = std::function<void(std::string_view step, std::string_view name, double value, std::string_view unit)>;

// What a workload may use while it runs. It runs in the child, inside the limited cgroup, and knows nothing of cgroups.
struct Context {
  Parameters parameters;
  // Never fill more than this: a second guard, should the limit not hold (0 = none).
  std::uint64_t cap_bytes = 0;
  Meter meter{};
  Observe observe;          // where observations go; a later one of the same step and name replaces the earlier
  bool must_reach = false;  // not getting to --size is an error

  void note(std::string_view step, std::string_view name, double value, std::string_view unit) const {
    if (observe) {
      observe(step, name, value, unit);
    }
  }
};

// How `oomlab list` groups them.
enum class Group {
  process,      // what a process's own memory does: malloc, brk, mmap
  misbehaviour  // why RSS stays high, or a limit fills with nothing in RSS
  ,
  kernel  // kernel-side memory, and what cgroups do
};

// What the machine must have; who starts the workload can provide some of it.
enum class Need {
  disk,  // a file system on a block device in --folder, for page cache
  swap,
  guest,  // a machine of its own: what it does is not kept in a limit, or cannot be taken back
};

// One way of using memory: one file under workloads/.
struct Workload {
  std::string_view summary;  // one sentence
  Group group = Group::kernel;
  std::string_view counter;      // the memory.stat key that dominates at the kill; "swap" = the swap used
  std::string_view kind;         // its name for `fill --kind`; "" when it is none
  std::string_view seen;         // what must be observable from outside
  std::string_view needs;        // what it needs, in words; "" = nothing special
  std::span<const Need> needed;  // the same for programs
  std::string_view source;       // where the recipe comes from, or the reason for it
  std::string_view example;      // a command to try
  std::span<const Parameter> parameters;
  // The workload that it is another name of, for workloads that are: `fill`.
  const base::Descriptor<Workload>* (*stands_for)(const Parameters& parameters) = nullptr;
  // Whether this machine can do it; kind unsupported or permission with the reason. May be null: nothing to ask.
  base::Result<> (*probe)(const Context& context) = nullptr;
  // Returns when the size is reached and the hold is over; may be killed before. An error is what the workload could
  // not do (exit 1; of kind unsupported or permission: exit 3).
  base::Result<> (*run)(Context& context);
};

std::span<const base::Descriptor<Workload>> all_workloads();

}  // namespace stress

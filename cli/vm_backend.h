#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/experiment.h"

namespace cli {

// What only the micro-VM needs to know.
struct GuestOptions {
  std::optional<std::string> kernel;
  std::optional<std::uint64_t> memory_bytes, disk_bytes;
  std::vector<std::pair<std::string, std::string>> sysctls;
  bool cold = false;
};

// RAM that a guest needs for an experiment with these limits: a power of two, at least 512 MiB.
std::uint64_t guest_memory_for(const cgroup::Limits& limits);

// The same experiment in a fresh micro-VM: the guest's oomlab runs it by run_here() and sends its document back. A
// guest that panicked or hung is a document that says so, with the incidents its console shows and the console's tail.
base::Result<forensics::Postmortem> run_in_vm(Experiment experiment, const GuestOptions& guest);

}  // namespace cli

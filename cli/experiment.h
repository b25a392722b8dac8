#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/delegation.h"
#include "cgroup/model.h"
#include "forensics/document.h"

namespace cli {

// One command (or workload) in a fresh cgroup with limits: what `run` and `stress` do, on the host or, by the same
// code, inside the micro-VM.
struct Experiment {
  std::vector<std::string> command;             // argv, looked up in PATH inside root
  std::optional<forensics::Workload> workload;  // set for a built-in one; command then is how it is started
  cgroup::Limits limits;
  std::optional<int> oom_score_adj;                        // of the command
  std::optional<std::uint64_t> shm_bytes;                  // of a /dev/shm of its own
  std::optional<std::chrono::nanoseconds> timeout;         // killed then: timed_out
  std::optional<std::chrono::nanoseconds> thrash_timeout;  // stalled that long at its limit: killed, thrashing
  std::chrono::nanoseconds sample_period{std::chrono::milliseconds(10)};
  std::string faults;     // which of its system calls fail, as stress/fault.h reads it; empty: none
  bool progress = false;  // a line on stderr while it runs
  // Where the command lives; set by the micro-VM's guest only.
  std::optional<std::string> root, working_folder;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  bool in_guest = false;  // the machine is ours: global kills and panics are allowed
};

// Runs it here, below the delegated parent: group made, limits read back, recorded, removed. The document holds the run
// and the kernel's incidents that concern it. An error means that it did not run: this machine cannot (unsupported,
// permission), or oomlab failed. A command that could not be started is a document with `not_started`.
base::Result<forensics::Postmortem> run_here(const Experiment& experiment, const cgroup::Delegation& delegation);

// The exit status of a finished run: the command's own (128 + signal), 124 when its time was over or it thrashed,
// 126/127 when it could not be started; with an expectation 0 when it is met, else 1.
int exit_status(const forensics::Run& run);

}  // namespace cli

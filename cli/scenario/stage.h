#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>

#include "base/result.h"
#include "cgroup/delegation.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// Where a scenario is run.
struct Stage {
  cgroup::Delegation delegation;  // where groups may be made
  bool in_guest = false;          // the machine is ours: global kills and panics are allowed
  // Where commands live; set in the micro-VM's guest only.
  std::optional<std::string> root, working_folder;
  std::optional<uid_t> uid;
  std::optional<gid_t> gid;
  std::chrono::nanoseconds period{std::chrono::milliseconds(10)};  // of looks at the counters
};

// Runs the scenario here: groups made, tasks started, signalled and stopped as it says, everything recorded, killed and
// removed. An error means that it did not run: this machine cannot (unsupported, permission), or oomlab failed.
base::Result<Findings> conduct(const Scenario& scenario, const Stage& stage);

}  // namespace cli::scenario

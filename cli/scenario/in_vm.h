#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/scenario.h"
#include "cli/scenario/stage.h"

namespace cli::scenario {

// The micro-VM that a scenario is run in.
struct Guest {
  std::optional<std::string> kernel;
  bool cold = false;
};

// The scenario in a fresh micro-VM: the guest's oomlab runs it by conduct() and sends its findings back. A guest that
// panicked or hung are findings that say so, with the incidents that its console shows.
base::Result<Findings> conduct_in_vm(const Scenario& scenario, const Guest& guest);

}  // namespace cli::scenario

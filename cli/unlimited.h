#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "cli/experiment.h"

namespace cli {

// A built-in workload without a cgroup: for measuring how fast it fills. Nothing holds it but its own size, so that has
// to be given and be at most half of the memory that is available now; it may take a minute unless --timeout says
// otherwise. The document has no memory figures but the workload's own observations.
base::Result<forensics::Postmortem> run_unlimited(const Experiment& experiment,
                                                  std::optional<std::uint64_t> size_bytes);

}  // namespace cli

#pragma once

#include <chrono>
#include <vector>

#include "cgroup/model.h"
#include "forensics/document.h"

namespace cli {

// The kernel's own reading of the group at a kill (the "memory: usage" line and the counters of its report) as a row of
// the timeline. The recorder cannot be quicker than a kill, so without it the timeline may miss the last rise. `start`
// is the steady clock's time at t = 0; the log's stamps are of a clock that runs beside it to within some milliseconds.
// Nothing is added when the report has no usage.
void add_kernel_reading(std::vector<cgroup::Sample>& timeline, const forensics::Incident& incident,
                        std::chrono::steady_clock::time_point start);

}  // namespace cli

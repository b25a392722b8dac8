#pragma once

#include "stress/meter.h"

namespace cli {

// The meter of the cgroup that this process is in. Its files are opened now (a workload may leave for other
// namespaces), and reading them allocates nothing (a workload may be watching its own heap). Empty where there is no
// cgroup2 with the memory controller.
stress::Meter own_meter();

}  // namespace cli

#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/kernel_log.h"
#include "forensics/document.h"

// What everybody does who runs something under a limit and watches it.
namespace cli {

// uname -r
std::optional<std::string> kernel_release();

// Refuses where an OOM kill in a cgroup would panic a machine that is not ours.
base::Result<> refuse_to_panic(bool in_guest);

// In a guest: protects this process from a global OOM and keeps it running beside what it watches on one CPU. Returns
// the oom_score_adj that a command is to be given back; nothing elsewhere.
std::optional<int> protect_supervisor(bool in_guest);

// Our environment as a command is to have it, NAME=value.
std::vector<std::string> command_environment();

// The kernel's log from now on; without it a warning, as nobody can be named.
std::optional<KernelLog> open_kernel_log(std::vector<forensics::Warning>& warnings);

// The incidents that the log has by now, and in the document what is to be said about the log.
base::Result<std::vector<forensics::Incident>> read_incidents(std::optional<KernelLog>& log,
                                                              forensics::Postmortem& document);

}  // namespace cli

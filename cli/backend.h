#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/delegation.h"
#include "cli/command.h"

namespace cli {

enum class Backend { host, vm };

struct Choice {
  Backend backend = Backend::vm;
  cgroup::Delegation delegation;  // for the host: where groups may be made
};

// Picks where to run: what `wanted` says ("auto", "host", "vm"), for auto the host where it can hold limited cgroups
// and else the micro-VM. Where the way is a delegated systemd scope, this process is replaced by itself inside one (and
// the call does not return). An error says why neither works, with both ways out.
base::Result<Choice> choose_backend(const std::string& wanted, const Invocation& invocation);

}  // namespace cli

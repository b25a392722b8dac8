#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "vm/protocol.h"

namespace vm {

// The started command: leader of its own session and process group, with our ends of its three pipes, non-blocking.
struct Command {
  pid_t pid = -1;
  base::Fd input, output, error;
};

// Forks and executes the order. What fails before the exec (chroot, working folder, user) is an error; an exec that
// fails is the command's own end: its message on the command's stderr and status 127 (not found) or 126, as a shell
// does it. self is what an argv[0] of "oomlab" means outside a root.
base::Result<Command> start_command(const RunFrame& order, const std::string& self);

}  // namespace vm

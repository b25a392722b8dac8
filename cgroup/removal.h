#pragma once

#include <chrono>

#include "base/result.h"
#include "cgroup/group.h"

// The end of a cgroup, as functions on an open folder: Group, Guard and sweep() share them.
namespace cgroup {

// Kills every process in it and below: cgroup.kill (5.14), else freeze + SIGKILL of all until none is left. A cgroup
// that is gone is an empty one.
base::Result<> kill_all(const Dir& dir);

// The way of kill_all() without cgroup.kill: freeze, SIGKILL each, thaw, and again for what came meanwhile.
base::Result<> kill_each(const Dir& dir);

// Waits until cgroup.events says `populated 0`; the error (kind timeout) says how many processes are left.
base::Result<> wait_until_empty(const Dir& dir, std::chrono::milliseconds timeout);

// Kills, waits and removes it with all below, deepest first; EBUSY is retried until the time is over.
base::Result<> remove_tree(const Dir& dir, std::chrono::milliseconds timeout);

}  // namespace cgroup

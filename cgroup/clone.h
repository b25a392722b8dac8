#pragma once

#include <cstddef>
#include <cstdint>

namespace cgroup {

// Starts function(argument) as a child that shares our memory until its exec or end, on a stack of its own, while we
// wait (clone3(2) with CLONE_VM, CLONE_VFORK and CLONE_CLEAR_SIGHAND): the cost of vfork(2) without its dangers, and no
// page tables to copy. It is born in the cgroup whose folder cgroup_fd is open, unless that is -1. Returns the PID and
// fills pidfd, or a negated errno; -ENOSYS also on processors without an implementation.
long clone_sharing(void (*function)(void*), void* argument, int cgroup_fd, int& pidfd);

}  // namespace cgroup

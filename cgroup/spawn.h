#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/exit_status.h"
#include "base/fd.h"
#include "base/result.h"
#include "cgroup/group.h"

namespace cgroup {

// A resource limit (setrlimit(2)), soft and hard; RLIM_INFINITY for none.
struct ResourceLimit {
  int resource = 0;
  std::uint64_t value = 0;
};

// What to start. The child allocates nothing outside the group: it is cloned into it (clone3(2) CLONE_INTO_CGROUP), or,
// where that is refused, writes itself into cgroup.procs as its very first act, before exec.
struct SpawnRequest {
  std::vector<std::string> argv;              // argv[0] is looked up in PATH unless it has a slash
  std::vector<std::string> environment;       // NAME=value
  std::optional<std::string> working_folder;  // inside root, if that is given
  std::optional<std::string> root;            // chroot(2) there first
  std::optional<uid_t> uid;                   // with gid and an empty group list; last before exec
  std::optional<gid_t> gid;
  std::optional<std::uint64_t> shm_bytes;  // a tmpfs of that size over /dev/shm (below root), in a mount namespace
  std::optional<int> oom_score_adj;        // written to /proc/self/oom_score_adj by the child (before uid changes)
  int stdin_fd = 0, stdout_fd = 1, stderr_fd = 2;
  int inherited_fd = -1;                       // stays open in the command, under its number
  std::vector<ResourceLimit> resource_limits;  // before uid changes
  std::vector<int> held_back;                  // signals that stay blocked in the command until it unblocks them
  bool new_process_group = false;              // setpgid(0, 0)
  bool die_with_parent = true;                 // PR_SET_PDEATHSIG SIGKILL
};

// A running child: pidfd and pid. Not killed by the destructor: the group does that.
struct Spawned {
  pid_t pid = -1;
  base::Fd pidfd;
};

// How the child gets into the group.
enum class Placement {
  automatic,    // cloned into it; where the kernel cannot (before 5.7, seccomp filters), moves_itself
  moves_itself  // forked, and writes itself into cgroup.procs first
};

// Starts it in the group (or, group == nullptr, where we are). An exec that fails is the error with kind usage and
// `sys_errno` of the exec ("CMD: not found" with ENOENT); any step before it that fails is the error with kind syscall
// or permission that names the step. Commands without a slash are looked up in the PATH of `environment`. Waits until
// the child has done its exec.
base::Result<Spawned> spawn(const SpawnRequest& request, const Group* group,
                            Placement placement = Placement::automatic);

// The same in a cgroup below a group of ours.
base::Result<Spawned> spawn_in(const SpawnRequest& request, const Dir& dir, Placement placement = Placement::automatic);

// Waits for it (waitid on the pidfd) and reaps it.
base::Result<base::ExitStatus> wait(const Spawned& child);

}  // namespace cgroup

#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "cgroup/spawn.h"

// What runs in the child between its birth and exec. It may share the parent's memory (CLONE_VM), so everything is
// prepared before and nothing here allocates, locks or returns.
namespace cgroup {

// The steps of the child; the names are what an error says.
enum class Step {
  none,
  join_group,
  process_group,
  oom_score_adj,
  shm,
  resource_limits,
  root,
  working_folder,
  groups,
  gid,
  uid,
  parent,
  descriptors,
  exec
};

struct Failure {
  Step step = Step::none;
  int error = 0;
};

// Everything the child needs, as plain pointers and numbers. Filled by prepare(), whose request must outlive it.
struct ChildPlan {
  const SpawnRequest* request = nullptr;
  std::vector<std::string> candidates;  // the paths to try, in order
  std::vector<char*> argv;              // room for "/bin/sh" in front: argv[1] on is the command's
  std::vector<char*> environment;
  std::string shm_folder, shm_options;  // of the tmpfs; empty for none
  std::string uid_map, gid_map;         // of a user namespace, in which an ordinary user may mount it
  std::string oom_score_adj;            // text for /proc/self/oom_score_adj, empty for none
  pid_t parent = -1;
  int procs_fd = -1;   // cgroup.procs to write oneself into, or -1
  int report_fd = -1;  // where a failure is written, or -1: only into `failure`
  Failure failure;
};

ChildPlan prepare(const SpawnRequest& request);

// Does the steps and the exec; reports the step that failed and ends with status 127.
[[noreturn]] void run_child(ChildPlan& plan);

}  // namespace cgroup

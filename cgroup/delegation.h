#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/hierarchy.h"

// What we may do with cgroups here, and how to get there when we may not.
namespace cgroup {

// How a writable parent for our groups is reached.
enum class Access {
  direct,        // `parent` can hold children with the memory controller now
  move_self,     // it can once this process moved into a child of it (no-internal-process rule); make_ready() does so
  systemd_user,  // an ordinary user on a systemd host: start again as `reexec`
  systemd_root,  // root on a systemd host outside a delegated cgroup: start again as `reexec`
  refused,       // nothing works; `reason` and `remedy` say why and what to do
};

struct Delegation {
  Access access = Access::refused;
  std::filesystem::path parent;  // for direct and move_self
  std::vector<std::string>
      reexec;  // argv prefix, e.g. {"systemd-run","--user","--scope","-p","Delegate=yes","--quiet","--collect","--"}
  std::string reason;  // for refused: one line
  std::string remedy;  // for refused: exact commands
};

// Looks at the machine. Changes nothing.
Delegation find_delegation(const Hierarchy& hierarchy);

// Makes `parent` able to hold limited children: moves this process aside if need be, enables memory and pids in
// cgroup.subtree_control, reads that back.
base::Result<std::filesystem::path> make_ready(const Delegation& delegation);

}  // namespace cgroup

#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cgroup/delegation.h"
#include "cgroup/hierarchy.h"

namespace cgroup {

// The child that this process (and its ancestors) steps aside into, so that its old cgroup can hold limited children.
inline constexpr const char* kAsideFolder = "oomlab.self";

// Set to 1 in the environment of an oomlab that was started again through systemd-run.
inline constexpr const char* kReexecVariable = "OOMLAB_REEXEC";

// One cgroup folder that could become a parent of ours, as it is.
struct Place {
  std::filesystem::path path;
  bool is_root = false;    // the real root of the hierarchy: it may hold processes and limited children at once
  bool writable = false;   // children can be made, controllers enabled and processes moved
  bool delegated = false;  // systemd marked it so (extended attribute user.delegate or trusted.delegate)
  std::string type;        // cgroup.type, e.g. "domain" or "threaded"; empty for the root
  std::vector<std::string> controllers;  // cgroup.controllers
  // For other cgroups than the root: whether a process is in it, and those that are neither this one nor its ancestors
  // (0 stands for one outside our PID namespace).
  bool empty = true;
  std::vector<pid_t> others;

  // Whether limited children can be made in it, as far as its own files say: memory is a domain controller, so nothing
  // threaded can have it (cgroup-v2.rst, "Threads").
  [[nodiscard]] bool is_threaded() const;
  [[nodiscard]] bool is_usable() const;
};

// What the decision rests on.
struct Facts {
  Hierarchy hierarchy;
  Place own;                          // our cgroup; path empty when it cannot be seen
  std::optional<Place> above;         // its parent, if that is mounted too
  std::optional<Place> top;           // the mount's top, when it is the real root
  bool limited = false;               // our cgroup or one above has a memory.max: to leave it would be to escape that
  uid_t uid = 0;                      // effective
  bool systemd = false;               // systemd is this machine's init (sd_booted(3))
  bool systemd_run = false;           // systemd-run is in PATH
  std::filesystem::path runtime_dir;  // where this user's systemd --user listens; empty when none does
  bool runtime_dir_set = false;       // XDG_RUNTIME_DIR says so too
  std::optional<std::vector<std::string>> user_controllers;  // what that manager was given, if it can be read
  bool reexecuted = false;                                   // kReexecVariable is set
};

// Looks at the machine; changes nothing. A usable root of the hierarchy decides alone: then nothing else is looked at.
Facts gather_facts(const Hierarchy& hierarchy);

// The decision, as a pure function.
Delegation decide(const Facts& facts);

// One cgroup folder, looked at.
Place look_at(const std::filesystem::path& folder);

// The processes listed in the folder's cgroup.procs; 0 stands for one outside our PID namespace.
std::vector<pid_t> processes_in(const std::filesystem::path& folder);

// This process, its parent, and so on.
std::vector<pid_t> self_and_ancestors();

}  // namespace cgroup

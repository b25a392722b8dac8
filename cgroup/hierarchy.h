#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Where the cgroup hierarchies are and where we are in them, read from /proc/self/mountinfo (proc(5)) and
// /proc/self/cgroup (cgroups(7)). Pure.
namespace cgroup {

enum class Version { none, v1, hybrid, v2 };  // hybrid: v1 controllers beside a cgroup2 mount

struct Hierarchy {
  Version version = Version::none;
  std::filesystem::path mount;  // where cgroup2 is mounted: the first reachable one that holds our cgroup, writable
                                // before read-only; empty without one
  std::string mount_root;  // which cgroup that mount shows as its top, seen from our namespace: "/" unless it is a bind
                           // mount of a part
  std::filesystem::path own;  // our cgroup as a folder under mount; empty when it is outside what is mounted
  std::string own_path;       // the text of the "0::" line, e.g. "/user.slice/..." ; begins with "/.." when outside the
                              // namespace root
  bool read_only = false;     // the cgroup2 mount
  bool nsdelegate = false;
  bool memory_localevents = false;  // memory.events counts only the cgroup itself
  bool memory_recursiveprot = false;
  bool memory_on_v1 = false;  // the memory controller is taken by a v1 hierarchy
  bool in_namespace = false;  // our cgroup is the root of what we see while not being the real root
};

// Never fails on odd input: what is not there is `none`.
Hierarchy find_hierarchy(std::string_view mountinfo, std::string_view self_cgroup);

// Of this process.
base::Result<Hierarchy> find_own_hierarchy();

}  // namespace cgroup

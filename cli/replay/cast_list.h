#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "forensics/document.h"

namespace cli::replay {

// One process of the report, or several alike, as a task of a scenario.
struct Role {
  std::string name;      // a task's name
  std::string workload;  // anon | shm-fill | page-tables | tmpfs | ...
  std::uint64_t bytes = 0;
  std::int64_t oom_score_adj = 0;
  unsigned count = 1;
  bool is_victim = false, is_trigger = false;
  bool is_unlisted = false;  // a task of ours, for what no task of the report holds
};

// Who was there, as far as the report says it, sizes scaled: the tasks with their own memory, and, as tasks of ours,
// what no task of the report explains (files on a tmpfs, slab, sockets, ...). The trigger is last. Of many tasks the
// largest stay themselves, the others become copies of one of their mean size. Together they leave room in
// `limit_bytes` (scaled already) for the trigger to be the one that fills it.
struct CastList {
  std::vector<Role> roles;
  std::vector<std::string> remarks;
};
CastList make_cast_list(const forensics::Incident& incident, double scale, std::uint64_t limit_bytes);

// What the program of a workload takes itself, beside what it is told to fill.
inline constexpr std::uint64_t kProgramBytes = 640U << 10;

}  // namespace cli::replay

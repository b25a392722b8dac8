#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cgroup/model.h"

namespace cli::containers {

// A container's limits in terms of cgroup v2, as runc sets them (libcontainer/cgroups/fs2), with what could not be
// taken over.
struct Like {
  std::string name;  // "web-1", without the slash; the id where there is none
  cgroup::Limits limits;
  std::optional<int> oom_score_adj;
  std::optional<std::uint64_t> shm_bytes;
  // A sentence for each value that means something else here, or nothing at all.
  std::vector<std::string> notes;
};

// From what `docker inspect` or `podman inspect` prints: one object, or a list of one. Pure. An error says what is
// missing.
base::Result<Like> parse_inspect(std::string_view json);

// Of a file (a name with a slash or the ending .json, or one that is there), else of the container of that name or id,
// which the engine is asked for.
base::Result<Like> find_like(const std::string& name_or_file);

}  // namespace cli::containers

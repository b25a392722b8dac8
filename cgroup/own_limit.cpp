#include "cgroup/own_limit.h"

#include <algorithm>

#include "cgroup/group.h"
#include "cgroup/hierarchy.h"
#include "cgroup/parse.h"

namespace cgroup {
namespace {

void lower(std::optional<std::uint64_t>& limit, const std::optional<Limit>& by) {
  if (by && by->bytes) {
    limit = std::min(limit.value_or(*by->bytes), *by->bytes);
  }
}

}  // namespace

OwnLimit limit_of(std::filesystem::path own, const std::filesystem::path& mount) {
  OwnLimit limit;
  while (true) {
    if (const auto dir = Dir::open(own)) {
      lower(limit.memory_bytes, dir->value("memory.max", parse_limit));
      lower(limit.swap_bytes, dir->value("memory.swap.max", parse_limit));
    }
    if (own == mount || !own.has_relative_path()) {
      return limit;
    }
    own = own.parent_path();
  }
}

base::Result<OwnLimit> own_limit() {
  TRY_ASSIGN(const auto hierarchy, find_own_hierarchy());
  if (hierarchy.own.empty()) {
    return base::fail(base::ErrorKind::unsupported, "this process's cgroup cannot be seen: no cgroup v2 that holds it",
                      "mount cgroup v2 at /sys/fs/cgroup");
  }
  return limit_of(hierarchy.own, hierarchy.mount);
}

}  // namespace cgroup

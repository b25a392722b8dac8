#pragma once

#include "base/result.h"
#include "cgroup/group.h"
#include "cgroup/model.h"

namespace cgroup {

// Writes each limit that is set into the cgroup's files and reads it back; returns what the kernel has then. A byte
// limit may come back rounded down to a page, nothing else may differ: otherwise the error (kind unsupported or
// permission) says what was asked, what is there and the way out. A limit of 0 on something this kernel has not at all
// (swap, zswap) needs no file and comes back as nothing. has_swap: some swap area is in use (proc_swaps()).
base::Result<Limits> apply_limits(const Dir& dir, const Limits& wanted, bool has_swap);

// Whether got is what asking for wanted gives on a kernel that rounds down to unit.
bool limit_took(const Limit& wanted, const Limit& got, std::uint64_t unit);

// Whether the text of /proc/swaps names an area, below its heading.
bool names_swap_area(std::string_view proc_swaps);

}  // namespace cgroup

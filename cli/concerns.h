#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "forensics/document.h"

namespace cli {

// Whether a cgroup path of a kernel log is the group or below it. The log prints paths from the real root of the
// hierarchy, the group is known as this process's namespace sees it; its last component is unique.
bool within_group(const std::string& logged_path, const std::string& group_path);

// Whether an incident has to do with the group: its limit, its processes, a limit above it, or the whole machine.
bool concerns(const forensics::Incident& incident, const std::string& group_path, std::int64_t pid);

// Distinct processes of the group that the incidents say were killed.
std::uint64_t count_kills(const std::vector<forensics::Incident>& incidents, const std::string& group_path,
                          std::int64_t pid);

}  // namespace cli

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cli::scenario {

// What the kernel's log (/dev/kmsg records, one after the other) says of its own faults: BUG, WARNING, Oops and their
// kin, at most 20 lines. What a busy host does to a guest (soft lockups, stalled RCU) is none.
std::vector<std::string> complaints_in(std::string_view kmsg);

}  // namespace cli::scenario

#pragma once

#include <string_view>

#include "base/result.h"
#include "cgroup/model.h"

// Text of one control file to its value. No I/O. Unknown keys are kept, a missing key is nothing; an error names what
// was expected and what was there.
namespace cgroup {

base::Result<Limit> parse_limit(std::string_view text);          // "max\n" or "1073741824\n"
base::Result<std::uint64_t> parse_count(std::string_view text);  // "4096\n"
base::Result<Counters> parse_counters(std::string_view text);    // "anon 4096\nfile 0\n"
base::Result<MemoryEvents> parse_memory_events(std::string_view text);
base::Result<SwapEvents> parse_swap_events(std::string_view text);
base::Result<Pressure> parse_pressure(std::string_view text);
base::Result<CgroupEvents> parse_cgroup_events(std::string_view text);
base::Result<std::vector<NumaRow>> parse_numa_stat(std::string_view text);

}  // namespace cgroup

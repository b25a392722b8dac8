// Any bytes as a cgroup control file, a mountinfo or a /proc/self/cgroup.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "cgroup/hierarchy.h"
#include "cgroup/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)cgroup::parse_limit(text);
  (void)cgroup::parse_count(text);
  (void)cgroup::parse_counters(text);
  (void)cgroup::parse_memory_events(text);
  (void)cgroup::parse_swap_events(text);
  (void)cgroup::parse_pressure(text);
  (void)cgroup::parse_cgroup_events(text);
  (void)cgroup::parse_numa_stat(text);
  const auto half = text.find('\0');
  (void)cgroup::find_hierarchy(text.substr(0, half), half == std::string_view::npos ? text : text.substr(half));
  return 0;
}

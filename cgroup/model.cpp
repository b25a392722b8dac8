#include "cgroup/model.h"

#include <algorithm>

namespace cgroup {

std::optional<std::uint64_t> find(const Counters& counters, std::string_view name) {
  const auto found = std::ranges::find(counters, name, &Counters::value_type::first);
  if (found == counters.end()) {
    return std::nullopt;
  }
  return found->second;
}

}  // namespace cgroup

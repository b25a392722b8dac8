#pragma once

#include <functional>
#include <optional>
#include <string>

#include "cli/scenario/counter.h"

namespace cli::scenario {

// A number to compare with: as it is, or what another counter of the same cgroup has at the same moment.
struct Quantity {
  double value = 0;
  std::optional<Counter> counter;
};

// What a value may be. At least one of the bounds is set.
struct Range {
  std::optional<Quantity> equals, at_least, at_most, about;
  double within = 0;             // of `about`: in the unit, or
  bool within_is_share = false;  // as a share of it, 0.03 for 3 %
  bool optional = false;         // a kernel that has no such counter meets it
  Unit unit = Unit::count;

  // The value of a counter of the same cgroup.
  using Lookup = std::function<std::optional<double>(const Counter&)>;
  // Nothing when a counter that it compares with is not there.
  [[nodiscard]] std::optional<bool> contains(double value, const Lookup& lookup = {}) const;
  // "at least 50331648 (48 MiB)", "memory.stat:anon within 3 %".
  [[nodiscard]] std::string words() const;
};

}  // namespace cli::scenario

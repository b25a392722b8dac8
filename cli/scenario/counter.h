#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cgroup/model.h"

// One number of a cgroup, by the kernel's own names.
namespace cli::scenario {

enum class Unit { count, bytes, time };  // time: microseconds

// A file, and for files of several lines the key: "memory.current", "memory.stat:anon", "memory.pressure:full.total".
struct Term {
  std::string file, key;
  bool operator==(const Term&) const = default;
  [[nodiscard]] std::string name() const;  // as it is written
};

// A term, or a sum of terms of one unit: "memory.current+memory.swap.current".
struct Counter {
  std::vector<Term> terms;
  Unit unit = Unit::count;
  [[nodiscard]] std::string name() const;
};

// The error names what is known.
base::Result<Counter> parse_counter(std::string_view text);

// The files that counters can be of.
std::vector<std::string> counter_files();

// The file's text as terms with their values: a number as it is, a line "key value" by its key, a line of
// memory.pressure by "some.total" or "full.total" in microseconds.
cgroup::Counters numbers_in(std::string_view file, std::string_view text);

// The counter's value, from terms with their values; nothing when one of them is missing.
std::optional<double> value_of(const Counter& counter, const cgroup::Counters& values);

// A value for people: "67108864 (64 MiB)", "17", "250 ms".
std::string show(double value, Unit unit);

}  // namespace cli::scenario

#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "base/result.h"

namespace stress {

enum class ParameterKind {
  size,
  rate,
  duration,
  count,
  percent,
  text,
  flag
};  // rate: a size per second, "64M" or "64M/s"

// One option of a workload, "--size 64M".
struct Parameter {
  std::string_view name;  // without dashes
  ParameterKind kind;
  std::string_view default_value;  // as text; "" = not set
  std::string_view help;
};

// The options' values as given or by default; checked against their kinds before a workload sees them.
class Parameters {
 public:
  // Every name must be one of the workload's, every value one of its kind; the error names both and what is accepted.
  static base::Result<Parameters> check(std::span<const Parameter> known,
                                        const std::map<std::string, std::string>& given);
  [[nodiscard]] bool has(std::string_view name) const;            // set, by the user or by a default
  [[nodiscard]] std::uint64_t size(std::string_view name) const;  // bytes; of a rate: bytes per second
  [[nodiscard]] double seconds(std::string_view name) const;
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// What a workload may use while it runs. It runs in the child, inside the limited cgroup, and knows nothing of cgroups.
struct Context {
  Parameters parameters;
  // Never fill more than this: a second guard, should the limit not hold (0 = none).
  std::uint64_t cap_bytes = 0;
};

// One way of using memory: one file under workloads/.
struct Workload {
  std::string_view summary;  // one sentence
  std::string_view counter;  // the memory.stat key that dominates at the kill
  std::string_view source;   // where the recipe comes from
  std::span<const Parameter> parameters;
  // Returns when the size is reached and the hold is over; may be killed before. An error is what the workload could
  // not do (exit 1).
  base::Result<> (*run)(Context& context);
};

std::span<const base::Descriptor<Workload>> all_workloads();

}  // namespace stress

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stress {

enum class ParameterKind {
  size,
  rate,  // a size per second, "64M" or "64M/s"
  duration,
  hold,  // a duration, or "forever"
  count,
  percent,
  choice,  // one of `words`
  text,
  flag  // yes or no
};

// One option of a workload, "--size 64M".
struct Parameter {
  std::string_view name;  // without dashes
  ParameterKind kind;
  std::string_view default_value;  // as text; "" = not set
  std::string_view help;
  std::string_view words;  // of a choice: "linear|steps"
};

// The options' values as given or by default; checked against their kinds before a workload sees them.
class Parameters {
 public:
  // Every name must be one of the workload's, every value one of its kind; the error names both and what is accepted.
  static base::Result<Parameters> check(std::span<const Parameter> known,
                                        const std::map<std::string, std::string>& given);
  [[nodiscard]] bool has(std::string_view name) const;            // set, by the user or by a default
  [[nodiscard]] std::uint64_t size(std::string_view name) const;  // bytes; of a rate: bytes per second
  [[nodiscard]] double seconds(std::string_view name) const;      // of a hold: infinity for "forever"
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  [[nodiscard]] std::string text(std::string_view name) const;
  [[nodiscard]] bool flag(std::string_view name) const;
  [[nodiscard]] const std::map<std::string, std::string, std::less<>>& all() const { return values_; }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

// The tables one after the other, for workloads that share options.
template <std::size_t... N>
constexpr auto join(const std::array<Parameter, N>&... tables) {
  std::array<Parameter, (N + ...)> all{};
  std::size_t next = 0;
  (
      [&](const auto& table) {
        for (const auto& parameter : table) {
          all[next++] = parameter;
        }
      }(tables),
      ...);
  return all;
}

// The table with another default of one option, which must be in it.
template <std::size_t N>
constexpr auto with_default(std::array<Parameter, N> table, std::string_view name, std::string_view value) {
  bool found = false;
  for (auto& parameter : table) {
    if (parameter.name == name) {
      parameter.default_value = value;
      found = true;
    }
  }
  return found ? table : throw "no such option";  // in a constant expression: does not compile
}

// The table without one option.
template <std::size_t N>
constexpr auto without(const std::array<Parameter, N>& table, std::string_view name) {
  std::array<Parameter, N - 1> rest{};
  std::size_t next = 0;
  for (const auto& parameter : table) {
    if (parameter.name != name) {
      rest[next++] = parameter;  // out of bounds, so not constant, when it is not in the table
    }
  }
  return rest;
}

}  // namespace stress

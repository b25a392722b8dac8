#include "stress/parameters.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"

namespace stress {
namespace {

std::string_view without_per_second(std::string_view value) {
  if (value.ends_with("/s")) {
    value.remove_suffix(2);
  }
  return value;
}

bool has_word(std::string_view words, std::string_view value) {
  while (!words.empty()) {
    const auto end = std::min(words.find('|'), words.size());
    if (words.substr(0, end) == value) {
      return true;
    }
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

std::unexpected<base::Error> not_a(std::string_view value, std::string_view what) {
  return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not {}", base::escape_terminal(value), what));
}

base::Result<> check_number(const Parameter& parameter, std::string_view value) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = error == std::errc{} && stop == value.data() + value.size();
  const bool is_percent = parameter.kind == ParameterKind::percent;
  if (!whole || (is_percent && number > 100)) {
    return not_a(value, is_percent ? "a whole number from 0 to 100" : "a whole number");
  }
  return {};
}

base::Result<> check_value(const Parameter& parameter, std::string_view value) {
  switch (parameter.kind) {
    case ParameterKind::size:
    case ParameterKind::rate: {
      TRY(base::parse_size(parameter.kind == ParameterKind::rate ? without_per_second(value) : value));
      return {};
    }
    case ParameterKind::duration: {
      TRY(base::parse_duration(value));
      return {};
    }
    case ParameterKind::hold: {
      if (value != "forever") {
        TRY(base::parse_duration(value));
      }
      return {};
    }
    case ParameterKind::count:
    case ParameterKind::percent:
      return check_number(parameter, value);
    case ParameterKind::choice:
      if (!has_word(parameter.words, value)) {
        return not_a(value, fmt::format("one of {}", parameter.words));
      }
      return {};
    case ParameterKind::flag:
      if (value != "yes" && value != "no") {
        return not_a(value, "yes or no");
      }
      return {};
    case ParameterKind::text:
      return {};
  }
  return {};
}

}  // namespace

base::Result<Parameters> Parameters::check(std::span<const Parameter> known,
                                           const std::map<std::string, std::string>& given) {
  Parameters parameters;
  for (const auto& parameter : known) {
    if (!parameter.default_value.empty()) {
      parameters.values_.emplace(parameter.name, parameter.default_value);
    }
  }
  for (const auto& [name, value] : given) {
    const auto parameter = std::ranges::find(known, name, &Parameter::name);
    if (parameter == known.end()) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("--{}: not an option of this workload", base::escape_terminal(name)));
    }
    if (auto checked = check_value(*parameter, value); !checked) {
      return std::unexpected(std::move(checked).error().context(fmt::format("--{}", name)));
    }
    parameters.values_.insert_or_assign(name, value);
  }
  return parameters;
}

bool Parameters::has(std::string_view name) const {
  return values_.find(name) != values_.end();
}

std::string Parameters::text(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::string() : found->second;
}

std::uint64_t Parameters::size(std::string_view name) const {
  return base::parse_size(without_per_second(text(name))).value_or(0);
}

double Parameters::seconds(std::string_view name) const {
  if (text(name) == "forever") {
    return std::numeric_limits<double>::infinity();
  }
  return std::chrono::duration<double>(base::parse_duration(text(name)).value_or(std::chrono::nanoseconds{0})).count();
}

std::uint64_t Parameters::count(std::string_view name) const {
  const auto value = text(name);
  std::uint64_t number = 0;
  (void)std::from_chars(value.data(), value.data() + value.size(), number);  // check() has seen to it
  return number;
}

bool Parameters::flag(std::string_view name) const {
  return text(name) == "yes";
}

}  // namespace stress

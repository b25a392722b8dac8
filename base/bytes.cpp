#include "base/bytes.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/escape.h"

namespace base {
namespace {

struct Number {
  double value = 0;
  bool whole = true;
  std::uint64_t integer = 0;
  std::string_view unit;
};

// A non-negative decimal number and what follows it.
Result<Number> split_number(std::string_view text, std::string_view accepted) {
  const auto refuse = [&] {
    return fail(ErrorKind::usage, fmt::format("'{}' is not {}", escape_terminal(text), accepted));
  };
  Number number;
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const auto digits = text.substr(0, end);
  number.unit = text.substr(end);
  if (digits.empty()) {
    return refuse();
  }
  number.whole = digits.find('.') == std::string_view::npos;
  if (number.whole) {
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number.integer);
    if (error != std::errc{} || stop != digits.data() + digits.size()) {
      return refuse();
    }
  }
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number.value);
  if (error != std::errc{} || stop != digits.data() + digits.size()) {
    return refuse();
  }
  return number;
}

}  // namespace

Result<std::uint64_t> parse_size(std::string_view text, std::uint64_t total_bytes) {
  const std::string accepted =
      fmt::format("a size: bytes, or a number with K, M, G or T (binary){}", total_bytes != 0 ? ", or N%" : "");
  const auto refuse = [&] {
    return fail(ErrorKind::usage, fmt::format("'{}' is not {}", escape_terminal(text), accepted));
  };
  TRY_ASSIGN(const Number number, split_number(text, accepted));
  std::string_view unit = number.unit;
  if (unit == "%") {
    if (total_bytes == 0 || number.value > 100) {
      return refuse();
    }
    return static_cast<std::uint64_t>(static_cast<double>(total_bytes) * number.value / 100);
  }
  if (unit.ends_with("iB")) {
    unit.remove_suffix(2);
    if (unit.empty()) {
      return refuse();
    }
  } else if (unit.ends_with("B") || unit.ends_with("b")) {
    unit.remove_suffix(1);
  }
  unsigned shift = 0;
  if (unit.size() == 1) {
    constexpr std::string_view kUnits = "KMGT";
    const auto upper = static_cast<char>(unit[0] >= 'a' ? unit[0] - 'a' + 'A' : unit[0]);
    const auto at = kUnits.find(upper);
    if (at == std::string_view::npos) {
      return refuse();
    }
    shift = static_cast<unsigned>(at + 1) * 10;
  } else if (!unit.empty()) {
    return refuse();
  }
  constexpr std::uint64_t kMax = std::uint64_t{1} << 63;
  if (number.whole) {
    if (number.integer > (kMax >> shift)) {
      return fail(ErrorKind::usage, fmt::format("'{}' is larger than any memory", escape_terminal(text)));
    }
    return number.integer << shift;
  }
  const double bytes = number.value * static_cast<double>(std::uint64_t{1} << shift);
  if (bytes >= static_cast<double>(kMax)) {
    return fail(ErrorKind::usage, fmt::format("'{}' is larger than any memory", escape_terminal(text)));
  }
  return static_cast<std::uint64_t>(bytes);
}

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr std::string_view kAccepted = "a duration such as 250ms, 3s or 2m";
  TRY_ASSIGN(const Number number, split_number(text, kAccepted));
  double seconds = number.value;
  if (number.unit == "ms") {
    seconds /= 1e3;
  } else if (number.unit == "us") {
    seconds /= 1e6;
  } else if (number.unit == "m" || number.unit == "min") {
    seconds *= 60;
  } else if (number.unit == "h") {
    seconds *= 3600;
  } else if (!number.unit.empty() && number.unit != "s") {
    return fail(ErrorKind::usage, fmt::format("'{}' is not {}", escape_terminal(text), kAccepted));
  }
  constexpr double kTenYears = 10.0 * 365 * 86400;
  if (seconds > kTenYears) {
    return fail(ErrorKind::usage, fmt::format("'{}' is longer than ten years", escape_terminal(text)));
  }
  return std::chrono::nanoseconds(std::llround(seconds * 1e9));
}

std::string human_size(std::uint64_t bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  auto value = static_cast<double>(bytes);
  while (value >= 1023.95 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  const double tenths = std::round(value * 10) / 10;
  if (tenths == std::floor(tenths)) {
    return fmt::format("{:.0f} {}", tenths, kUnits[unit]);
  }
  return fmt::format("{:.1f} {}", tenths, kUnits[unit]);
}

std::string human_duration(double seconds) {
  if (seconds < 0) {
    return fmt::format("-{}", human_duration(-seconds));
  }
  if (seconds < 0.9995e-3) {
    return fmt::format("{:.0f} us", seconds * 1e6);
  }
  if (seconds < 0.9995) {
    return fmt::format("{:.3g} ms", seconds * 1e3);
  }
  if (seconds < 99.95) {
    return fmt::format("{:.3g} s", seconds);
  }
  const auto total = static_cast<std::uint64_t>(std::llround(seconds));
  if (total < 3600) {
    return fmt::format("{} min {} s", total / 60, total % 60);
  }
  return fmt::format("{} h {} min", total / 3600, total % 3600 / 60);
}

}  // namespace base

#include "cli/scenario/range.h"

#include <cmath>

#include <fmt/format.h>

namespace cli::scenario {
namespace {

std::optional<double> value_of(const Quantity& quantity, const Range::Lookup& lookup) {
  if (!quantity.counter) {
    return quantity.value;
  }
  return lookup ? lookup(*quantity.counter) : std::nullopt;
}

std::string show(const Quantity& quantity, Unit unit) {
  return quantity.counter ? quantity.counter->name() : show(quantity.value, unit);
}

}  // namespace

std::optional<bool> Range::contains(double value, const Lookup& lookup) const {
  bool inside = true;
  bool known = true;
  const auto check = [&](const std::optional<Quantity>& bound, auto&& holds) {
    if (!bound) {
      return;
    }
    if (const auto limit = value_of(*bound, lookup)) {
      inside = inside && holds(*limit);
    } else {
      known = false;
    }
  };
  check(equals, [&](double limit) { return value == limit; });
  check(at_least, [&](double limit) { return value >= limit; });
  check(at_most, [&](double limit) { return value <= limit; });
  check(about,
        [&](double limit) { return std::abs(value - limit) <= (within_is_share ? std::abs(limit) * within : within); });
  return known ? std::optional(inside) : std::nullopt;
}

std::string Range::words() const {
  std::string text;
  const auto add = [&text](std::string_view part) { text += fmt::format("{}{}", text.empty() ? "" : ", ", part); };
  if (equals) {
    add(show(*equals, unit));
  }
  if (at_least) {
    add(fmt::format("at least {}", show(*at_least, unit)));
  }
  if (at_most) {
    add(fmt::format("at most {}", show(*at_most, unit)));
  }
  if (about) {
    add(fmt::format("{} within {}", show(*about, unit),
                    within_is_share ? fmt::format("{:g} %", within * 100) : scenario::show(within, unit)));
  }
  return text;
}

}  // namespace cli::scenario

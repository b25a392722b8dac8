#include <cmath>

#include "forensics/episodes.h"
#include "forensics/selection.h"

namespace forensics {
namespace {

constexpr double kClockError = 2.5, kYear = 365.0 * 86400;

// A log without years is read as of one year, whichever it was; its turn is found by the step back.
std::optional<Moment> moment_of(const Time& time) {
  constexpr std::int64_t kEndOf2027 = 1830297600;
  const auto logged =
      time.realtime ? read_realtime(*time.realtime, {.clock_s = kEndOf2027, .ahead_s = {}}) : std::nullopt;
  return logged ? std::optional(logged->moment) : std::nullopt;
}

std::optional<double> by_clock(const Time& from, const Time& to) {
  const auto first = moment_of(from), last = moment_of(to);
  if (!first || !last) {
    return std::nullopt;
  }
  const bool zones = first->ahead_s && last->ahead_s;
  auto passed = static_cast<double>(last->clock_s - first->clock_s);
  passed -= zones ? static_cast<double>(*last->ahead_s - *first->ahead_s) : 0;
  if (passed < -kYear / 2) {
    passed += kYear;
  }
  return passed < 0 ? std::nullopt : std::optional(passed);
}

}  // namespace

std::optional<double> seconds_between(const Time& from, const Time& to) {
  const auto clock = by_clock(from, to);
  if (!from.monotonic_s || !to.monotonic_s) {
    return clock;
  }
  const double boot = *to.monotonic_s - *from.monotonic_s;
  const bool agrees = boot >= 0 && (!clock || std::abs(*clock - boot) <= kClockError);
  return agrees ? std::optional(boot) : clock;
}

}  // namespace forensics

#include "stress/profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "stress/random.h"

namespace stress {
namespace {

constexpr double kLeakTick = 0.1;  // seconds between two decisions of a leak
constexpr double kRise = 0.9;      // share of a tooth that rises, so that its top is seen
constexpr std::array<std::pair<std::string_view, Shape>, 6> kShapes{{{"linear", Shape::linear},
                                                                     {"ramp", Shape::ramp},
                                                                     {"steps", Shape::steps},
                                                                     {"sawtooth", Shape::sawtooth},
                                                                     {"burst", Shape::burst},
                                                                     {"leak", Shape::leak}}};

std::uint64_t to_bytes(double bytes) {
  return bytes >= 9e18 ? kEndless : static_cast<std::uint64_t>(std::max(bytes, 0.0));
}

// From -1 to 1, by seed and tick alone.
double jitter(std::uint64_t seed, std::uint64_t tick) {
  return 2 * Random(seed, tick).fraction() - 1;
}

// The mean slope is the rate; each tick is off by at most `noise` ticks, and with at most a half the level never falls.
double leak_level(const Profile& profile, double t_s) {
  const double tick = std::floor(t_s / kLeakTick);
  if (tick <= 0) {
    return 0;
  }
  const double ticks = tick + profile.noise * jitter(profile.seed, static_cast<std::uint64_t>(tick));
  return profile.rate * kLeakTick * ticks;
}

}  // namespace

std::uint64_t Profile::level(double t_s) const {
  const double top = size == kEndless ? std::numeric_limits<double>::infinity() : static_cast<double>(size);
  const double period = std::floor(t_s / period_s);
  const double phase = t_s / period_s - period;  // 0 to 1
  const bool over = repeat != 0 && period >= static_cast<double>(repeat);
  double wanted = top;
  switch (shape) {
    case Shape::linear:
      wanted = rate > 0 ? rate * t_s : top;
      break;
    case Shape::ramp:
      wanted = t_s < period_s ? rate * t_s * t_s / (2 * period_s) : rate * (t_s - period_s / 2);
      break;
    case Shape::steps:
      wanted = top * (period + 1) / static_cast<double>(std::max<std::uint64_t>(steps, 1));
      break;
    case Shape::sawtooth:
      wanted = over ? 0 : top * std::min(1.0, phase / kRise);
      break;
    case Shape::burst:
      wanted = over || phase >= 0.5 ? 0 : top;
      break;
    case Shape::leak:
      wanted = leak_level(*this, t_s);
      break;
  }
  return std::min(size, to_bytes(std::min(wanted, top)));
}

double Profile::end_s() const {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  const auto top = static_cast<double>(size);
  switch (shape) {
    case Shape::linear:
      return rate > 0 ? (size == kEndless ? kNever : top / rate) : 0;
    case Shape::ramp:
      if (size == kEndless) {
        return kNever;
      }
      return top <= rate * period_s / 2 ? std::sqrt(2 * period_s * top / rate) : top / rate + period_s / 2;
    case Shape::steps:
      return period_s * static_cast<double>(std::max<std::uint64_t>(steps, 1) - 1);
    case Shape::sawtooth:
    case Shape::burst:
      return repeat == 0 ? kNever : period_s * static_cast<double>(repeat);
    case Shape::leak:
      return size == kEndless ? kNever : top / rate + 2 * kLeakTick;
  }
  return 0;
}

double Profile::due_s(std::uint64_t n) const {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  constexpr double kInside = 1e-6;  // of a period: past the edge, whatever the division gives
  if (shape == Shape::steps) {
    return n < steps ? period_s * (static_cast<double>(n) + kInside) : kNever;
  }
  if ((shape != Shape::sawtooth && shape != Shape::burst) || (repeat != 0 && n / 2 + n % 2 >= repeat)) {
    return kNever;
  }
  const double top = shape == Shape::sawtooth ? kRise : 0;
  const double bottom = shape == Shape::sawtooth ? 1 : 0.5;
  const std::uint64_t period = n / 2;
  return period_s * (static_cast<double>(period) + (n % 2 == 0 ? top : bottom) + kInside);
}

bool Profile::is_paced() const {
  return shape != Shape::linear || rate > 0;
}

double Profile::tick_s() const {
  constexpr double kShortest = 0.001;
  constexpr double kLongest = 0.05;
  switch (shape) {
    case Shape::steps:
    case Shape::sawtooth:
    case Shape::burst:
      return std::clamp(period_s / 32, kShortest, kLongest);
    case Shape::leak:
    case Shape::linear:
    case Shape::ramp:
      break;
  }
  return kLongest / 2;
}

base::Result<Profile> profile_of(const Parameters& parameters) {
  const auto usage = [](std::string message) { return base::fail(base::ErrorKind::usage, std::move(message)); };
  Profile profile;
  const auto shape = parameters.text("shape");
  for (const auto& [word, value] : kShapes) {
    if (word == shape) {
      profile.shape = value;
    }
  }
  if (parameters.has("size")) {
    profile.size = parameters.size("size");
  }
  profile.rate = parameters.has("rate") ? static_cast<double>(parameters.size("rate")) : 0;
  profile.period_s = parameters.seconds("period");
  profile.steps = parameters.count("steps");
  profile.repeat = parameters.count("repeat");
  profile.noise = static_cast<double>(parameters.count("noise")) / 100;
  profile.seed = parameters.count("seed");
  const bool by_rate = profile.shape == Shape::ramp || profile.shape == Shape::leak;
  const bool by_size =
      profile.shape == Shape::steps || profile.shape == Shape::sawtooth || profile.shape == Shape::burst;
  if (by_rate && profile.rate <= 0) {
    return usage(fmt::format("--shape {}: needs --rate", shape));
  }
  if (by_size && profile.size == kEndless) {
    return usage(fmt::format("--shape {}: needs --size", shape));
  }
  if (by_size && profile.rate > 0) {
    return usage(fmt::format("--shape {}: has no --rate, it follows from --size and --period", shape));
  }
  if (parameters.has("rate") && profile.rate <= 0) {
    return usage("--rate: 0 would never get anywhere");
  }
  if (profile.period_s <= 0) {
    return usage("--period: 0 is no time");
  }
  if (profile.noise > 0.5) {
    return usage(fmt::format("--noise: {} is above 50", parameters.count("noise")));
  }
  return profile;
}

}  // namespace stress

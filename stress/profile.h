#pragma once

#include <cstdint>

#include "stress/parameters.h"

namespace stress {

enum class Shape {
  linear,    // at the rate, up to the size
  ramp,      // the rate itself grows from 0 over the period
  steps,     // equal steps, one at the begin of each period
  sawtooth,  // rises over a period (its last tenth is at the top), falls to 0, again
  burst,     // all at once for half a period, nothing for the other half, again
  leak,      // linear, with noise that follows from the seed
};

inline constexpr std::uint64_t kEndless = UINT64_MAX;  // a level without an end, "as much as there is"

// How much memory is wanted at which time: a pure function, so that the same options give the same sequence.
struct Profile {
  Shape shape = Shape::linear;
  std::uint64_t size = kEndless;  // the highest level
  double rate = 0;                // bytes per second; 0: as fast as it goes
  double period_s = 1;
  std::uint64_t steps = 4;
  std::uint64_t repeat = 1;  // teeth or bursts; 0: without an end
  double noise = 0;          // 0 to 0.5, of a leak: how far a tick may be off, in ticks
  std::uint64_t seed = 1;

  // The level wanted at that time since the start.
  [[nodiscard]] std::uint64_t level(double t_s) const;
  // When level() stops changing; infinity when it never does.
  [[nodiscard]] double end_s() const;
  // When its turn number n has to be reached: the n-th step, or, from 0, top, bottom, top, ... of teeth and bursts, the
  // last bottom left out. Infinity when there is none.
  [[nodiscard]] double due_s(std::uint64_t n) const;
  // Whether growth follows the clock, or goes as fast as it can.
  [[nodiscard]] bool is_paced() const;
  // The longest time to go without a look at level().
  [[nodiscard]] double tick_s() const;
};

// From the options of kGrowth (stress/growth.h). kind usage for what cannot be together.
base::Result<Profile> profile_of(const Parameters& parameters);

}  // namespace stress

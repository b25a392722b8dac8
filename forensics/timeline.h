#pragma once

#include <optional>
#include <vector>

#include "forensics/document.h"

namespace forensics {

// The recorder's memory.current over time, in as many equal slices as asked for: the highest value of each slice,
// carried on where a slice holds no sample; nothing before the first one.
std::vector<std::optional<double>> memory_slices(const std::vector<cgroup::Sample>& timeline, std::size_t slices);

// How memory and swap together grew before the end of the run.
struct Growth {
  double bytes_per_s = 0;  // slope of the straight line that fits best
  double fit = 0;          // its coefficient of determination, 0 to 1
  double growing_s = 0;    // of the samples since it began to grow, which the line goes through
  double duration_s = 0;   // of all samples
  std::uint64_t first_bytes = 0, middle_bytes = 0, last_bytes = 0, highest_bytes = 0;  // middle: at half the time
  double last_tenth_share = 0;  // of the highest value, gained in the last tenth of the time
};

// What kind of growth it was: "spike" (half of it in the last tenth of the time), "staircase" (a few jumps, flat
// between), "sawtooth" (up and down again), "leak" (a straight line that takes its time), "growth" (filled at once),
// "plateau" (it did not grow). Nothing with fewer than 8 samples.
std::optional<GrowthShape> growth_shape(const std::vector<cgroup::Sample>& timeline,
                                        std::optional<double> cpu_s = std::nullopt);

// Nothing with fewer than 8 samples or no growth to speak of.
std::optional<Growth> growth(const std::vector<cgroup::Sample>& timeline);

}  // namespace forensics

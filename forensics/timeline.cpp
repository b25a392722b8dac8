#include "forensics/timeline.h"

#include <algorithm>
#include <cmath>
#include <span>

#include <fmt/format.h>

#include "base/bytes.h"

namespace forensics {
namespace {

struct Point {
  double t, bytes;
};

enum class Swap { left_out, counted };

std::vector<Point> points_of(const std::vector<cgroup::Sample>& timeline, Swap swap) {
  std::vector<Point> points;
  points.reserve(timeline.size());
  for (const auto& sample : timeline) {
    if (sample.memory) {
      const auto bytes = *sample.memory + (swap == Swap::counted ? sample.swap.value_or(0) : 0);
      points.push_back({std::chrono::duration<double>(sample.t).count(), static_cast<double>(bytes)});
    }
  }
  return points;
}

// Up to the last time that it stood high: what is freed by the kill is no part of the growth.
std::vector<Point> up_to_the_end(std::vector<Point> points) {
  constexpr double kHigh = 0.97;
  double highest = 0;
  for (const auto& point : points) {
    highest = std::max(highest, point.bytes);
  }
  while (!points.empty() && points.back().bytes < kHigh * highest) {
    points.pop_back();
  }
  return points;
}

// Without the time before it grew, in which a program starts.
std::span<const Point> from_its_start(const std::vector<Point>& points) {
  constexpr double kNothing = 0.02;
  const auto highest = std::ranges::max_element(points, {}, &Point::bytes);
  std::size_t first = 0;
  while (first + 1 < points.size() && points[first + 1].bytes < kNothing * highest->bytes) {
    ++first;
  }
  return std::span(points).subspan(first);
}

// The highest value of each of so many equal slices of the time, carried on where a slice holds none.
std::vector<std::optional<double>> slices_of(const std::vector<Point>& points, std::size_t slices) {
  std::vector<std::optional<double>> values(slices);
  if (points.empty() || slices == 0) {
    return values;
  }
  const double start = points.front().t;
  const double length = points.back().t - start;
  for (const auto& [t, bytes] : points) {
    const double position = length > 0 ? (t - start) / length * static_cast<double>(slices) : 0;
    auto& value = values[std::min(static_cast<std::size_t>(std::max(position, 0.0)), slices - 1)];
    value = std::max(value.value_or(0), bytes);
  }
  for (std::size_t i = 1; i < slices; ++i) {
    if (!values[i]) {
      values[i] = values[i - 1];
    }
  }
  return values;
}

}  // namespace

std::vector<std::optional<double>> memory_slices(const std::vector<cgroup::Sample>& timeline, std::size_t slices) {
  return slices_of(points_of(timeline, Swap::left_out), slices);
}

std::optional<Growth> growth(const std::vector<cgroup::Sample>& timeline) {
  constexpr std::size_t kFewestPoints = 8;
  const auto all = up_to_the_end(points_of(timeline, Swap::counted));
  if (all.size() < kFewestPoints) {
    return std::nullopt;
  }
  const auto points = from_its_start(all);
  const auto count = static_cast<double>(points.size());
  double mean_t = 0, mean_y = 0;
  for (const auto& [t, y] : points) {
    mean_t += t / count;
    mean_y += y / count;
  }
  double tt = 0, ty = 0, yy = 0;
  for (const auto& [t, y] : points) {
    tt += (t - mean_t) * (t - mean_t);
    ty += (t - mean_t) * (y - mean_y);
    yy += (y - mean_y) * (y - mean_y);
  }
  if (tt <= 0 || yy <= 0 || ty <= 0) {
    return std::nullopt;
  }
  const auto highest = std::ranges::max_element(points, {}, &Point::bytes);
  Growth found{.bytes_per_s = ty / tt,
               .fit = ty * ty / (tt * yy),
               .growing_s = points.back().t - points.front().t,
               .duration_s = all.back().t - all.front().t,
               .first_bytes = static_cast<std::uint64_t>(all.front().bytes),
               .last_bytes = static_cast<std::uint64_t>(points.back().bytes),
               .highest_bytes = static_cast<std::uint64_t>(highest->bytes)};
  const double tenth = points.back().t - found.duration_s / 10;
  const double half = points.back().t - found.duration_s / 2;
  double before = 0;
  for (const auto& [t, y] : all) {
    if (t <= tenth) {
      before = y;
    }
    if (t <= half) {
      found.middle_bytes = static_cast<std::uint64_t>(y);
    }
  }
  found.last_tenth_share = std::max(0.0, (highest->bytes - before) / highest->bytes);
  return found;
}

namespace {

constexpr std::size_t kSlices = 48;

// Up and down between equal slices of the time. What comes before the first jump, a program's start, is no part of the
// steps, nor is the rest after the last one.
struct Steps {
  double up = 0, down = 0;  // sums
  double jumps = 0;         // sum of the large steps up
  std::size_t jump_count = 0, fall_count = 0;
  std::size_t flat = 0, between = 0, landings = 0;  // slices at rest and all of them between jumps; stretches at rest
};

Steps steps_of(const std::vector<cgroup::Sample>& timeline, double gained) {
  // Of what was gained in all. A dozen steps at most: what takes more of them is a leak that allocates in pieces.
  constexpr double kJump = 0.08, kFall = 0.06, kFlat = 0.004;
  Steps steps;
  bool after_jump = false;
  std::optional<double> before;
  std::size_t flat = 0, since = 0;  // since the last jump
  for (const auto& value : slices_of(up_to_the_end(points_of(timeline, Swap::counted)), kSlices)) {
    if (before && value) {
      const double step = *value - *before;
      (step > 0 ? steps.up : steps.down) += std::abs(step);
      const bool jump = step > kJump * gained;
      steps.jumps += jump ? step : 0;
      steps.fall_count += static_cast<std::size_t>(step < -kFall * gained);
      flat += static_cast<std::size_t>(std::abs(step) < kFlat * gained);
      ++since;
      if (jump && steps.jump_count > 0) {
        steps.flat += flat;
        steps.between += since;
        steps.landings += static_cast<std::size_t>(flat > 0);
      }
      if (jump) {
        steps.jump_count += static_cast<std::size_t>(!after_jump);  // a jump that falls on two slices is one
        flat = since = 0;
      }
      after_jump = jump;
    }
    before = value;
  }
  return steps;
}

// A leak or a staircase takes its time; what fills memory as fast as it can is growth.
constexpr double kStaircaseTakes = 1, kLeakTakes = 1.5, kLeakSlope = 64.0 * (1 << 20);

// Nothing but filling memory, on a slow machine.
bool is_at_full_speed(const Growth& grown, std::optional<double> cpu_s) {
  constexpr double kBusy = 0.75, kSoonOver = 60;
  return cpu_s && grown.duration_s <= kSoonOver && *cpu_s >= kBusy * grown.duration_s;
}

// A jump after a time at rest, not a program that has only just started.
bool is_out_of_rest(const Growth& grown) {
  constexpr double kRest = 2, kShortRest = 0.3;
  const bool held_much = grown.middle_bytes > grown.highest_bytes / 10;
  return grown.duration_s >= kRest || (held_much && grown.duration_s >= kShortRest);
}

std::string shape_of(const std::vector<cgroup::Sample>& timeline, const Growth& grown, std::optional<double> cpu_s) {
  const auto gained = static_cast<double>(grown.highest_bytes - std::min(grown.highest_bytes, grown.first_bytes));
  const auto highest = static_cast<double>(grown.highest_bytes);
  if (highest <= 0 || gained < 0.3 * highest) {
    return "plateau";
  }
  const auto steps = steps_of(timeline, gained);
  if (steps.fall_count >= 2 && steps.down > 0.3 * gained) {
    return "sawtooth";
  }
  if (grown.last_tenth_share >= 0.5 && is_out_of_rest(grown)) {
    return "spike";
  }
  const bool landings = steps.landings >= 2 && 2 * steps.flat >= steps.between;
  if (steps.jump_count >= 3 && steps.jumps > 0.8 * steps.up && landings && grown.growing_s >= kStaircaseTakes) {
    return "staircase";
  }
  const bool straight = grown.fit >= 0.9 && grown.last_tenth_share <= 0.3;
  const bool takes_its_time = grown.growing_s >= kLeakTakes && grown.bytes_per_s <= kLeakSlope;
  return straight && takes_its_time && !is_at_full_speed(grown, cpu_s) ? "leak" : "growth";
}

std::string shape_words(const std::string& shape, const Growth& grown) {
  const auto from_to = fmt::format("from {} to {} in {}", base::human_size(grown.first_bytes),
                                   base::human_size(grown.highest_bytes), base::human_duration(grown.duration_s));
  const auto slope = base::human_size(static_cast<std::uint64_t>(std::max(grown.bytes_per_s, 0.0)));
  if (shape == "leak") {
    return fmt::format("it rose {} on a straight line, {} per second", from_to, slope);
  }
  if (shape == "spike") {
    return fmt::format("{} % of it came in the last tenth of {}",
                       static_cast<int>(std::lround(grown.last_tenth_share * 100)),
                       base::human_duration(grown.duration_s));
  }
  if (shape == "staircase") {
    return fmt::format("it rose {} in steps, flat between them", from_to);
  }
  if (shape == "sawtooth") {
    return fmt::format("it rose and fell again, up to {} in the end", base::human_size(grown.highest_bytes));
  }
  return shape == "plateau" ? fmt::format("it stood near {} all the time", base::human_size(grown.highest_bytes))
                            : fmt::format("it rose {}", from_to);
}

}  // namespace

std::optional<GrowthShape> growth_shape(const std::vector<cgroup::Sample>& timeline, std::optional<double> cpu_s) {
  const auto grown = growth(timeline);
  if (!grown) {
    return std::nullopt;
  }
  const auto shape = shape_of(timeline, *grown, cpu_s);
  const auto rounded = [](double value) { return std::round(value * 1e4) / 1e4; };
  return GrowthShape{.shape = shape,
                     .source = "timeline",
                     .bytes_per_s = std::round(grown->bytes_per_s),
                     .fit = rounded(std::clamp(grown->fit, 0.0, 1.0)),
                     .duration_s = rounded(grown->duration_s),
                     .first_bytes = grown->first_bytes,
                     .highest_bytes = grown->highest_bytes,
                     .words = shape_words(shape, *grown)};
}

}  // namespace forensics

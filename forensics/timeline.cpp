#include "forensics/timeline.h"

#include <algorithm>
#include <cmath>

namespace forensics {
namespace {

struct Point {
  double t, bytes;
};

std::vector<Point> points_of(const std::vector<cgroup::Sample>& timeline) {
  std::vector<Point> points;
  points.reserve(timeline.size());
  for (const auto& sample : timeline) {
    if (sample.memory) {
      points.push_back({std::chrono::duration<double>(sample.t).count(), static_cast<double>(*sample.memory)});
    }
  }
  return points;
}

}  // namespace

std::vector<std::optional<double>> memory_slices(const std::vector<cgroup::Sample>& timeline, std::size_t slices) {
  std::vector<std::optional<double>> values(slices);
  const auto points = points_of(timeline);
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

std::optional<Growth> growth(const std::vector<cgroup::Sample>& timeline) {
  constexpr std::size_t kFewestPoints = 8;
  const auto points = points_of(timeline);
  if (points.size() < kFewestPoints) {
    return std::nullopt;
  }
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
               .duration_s = points.back().t - points.front().t,
               .first_bytes = static_cast<std::uint64_t>(points.front().bytes),
               .last_bytes = static_cast<std::uint64_t>(points.back().bytes),
               .highest_bytes = static_cast<std::uint64_t>(highest->bytes)};
  const double tenth = points.back().t - found.duration_s / 10;
  double before = 0;
  for (const auto& [t, y] : points) {
    if (t <= tenth) {
      before = y;
    }
  }
  found.last_tenth_share = std::max(0.0, (highest->bytes - before) / highest->bytes);
  return found;
}

}  // namespace forensics

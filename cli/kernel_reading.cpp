#include "cli/kernel_reading.h"

#include <algorithm>

namespace cli {

void add_kernel_reading(std::vector<cgroup::Sample>& timeline, const forensics::Incident& incident,
                        std::chrono::steady_clock::time_point start) {
  if (!incident.time.monotonic_s || !incident.cgroup || !incident.cgroup->memory ||
      !incident.cgroup->memory->usage_bytes) {
    return;
  }
  const auto& report = *incident.cgroup;
  const auto logged =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*incident.time.monotonic_s));
  cgroup::Sample row{.t = std::max(logged - start.time_since_epoch(), std::chrono::nanoseconds{0}),
                     .memory = report.memory->usage_bytes,
                     .swap = report.swap ? report.swap->usage_bytes : std::nullopt,
                     .anon = cgroup::find(report.stat, "anon"),
                     .file = cgroup::find(report.stat, "file"),
                     .shmem = cgroup::find(report.stat, "shmem"),
                     .kernel = cgroup::find(report.stat, "kernel")};
  const auto after = std::ranges::find_if(timeline, [&row](const cgroup::Sample& sample) { return sample.t > row.t; });
  timeline.insert(after, row);
}

}  // namespace cli

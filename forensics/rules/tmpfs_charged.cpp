#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr double kNoticeable = 0.25;

std::optional<Diagnosis> apply(const Incident& incident, const Run*) {
  const auto shmem = part_bytes(incident, "shmem");
  const auto share = share_of_whole(incident, shmem);
  if (share < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "tmpfs_charged",
                  .title = "Files in tmpfs or shared memory (/dev/shm, memfd, emptyDir in memory) filled it",
                  .confidence = 0.65 + 0.3 * share};
  found.evidence.push_back(fmt::format("shared memory and tmpfs were {}", of_whole(incident, shmem)));
  std::uint64_t mapped = 0;
  bool known = false;
  for (const auto& task : incident.tasks) {
    mapped = std::max(mapped, task.rss_shmem_bytes.value_or(0));  // shared: the same pages count in every process
    known = known || task.rss_shmem_bytes.has_value();
  }
  if (known) {
    found.evidence.push_back(
        mapped * 2 < shmem
            ? fmt::format(
                  "no listed process maps more than {} of it: the rest are files that nobody has mapped, or whose "
                  "writer is gone",
                  human_size(mapped))
            : fmt::format("one process maps {} of it", human_size(mapped)));
  }
  found.advice.emplace_back(
      "Find the files: `df -h -t tmpfs`, `du -xsh /dev/shm /tmp /run`, `ipcs -m`, and remove them when their user "
      "ends.");
  found.advice.emplace_back(
      "Give the mount a ceiling below the limit (mount -o size=, sizeLimit of a Kubernetes emptyDir, --shm-size of "
      "docker), so that writing "
      "fails with ENOSPC instead.");
  found.advice.emplace_back(
      "Will not help: killing or restarting the process; such pages stay charged until the file is deleted or the "
      "group is removed.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 4 << 20}, {"file", 56 << 20}, {"shmem", 55 << 20}}), .run = {}};
}

}  // namespace

constinit extern const Rule tmpfs_charged{
    .summary = "files in tmpfs or shared memory filled it",
    .apply = apply,
    .example = example,
};

}  // namespace forensics::rules

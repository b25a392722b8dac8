#include "forensics/evidence.h"
#include "forensics/rule.h"
#include "forensics/shmem.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"host_exhausted", "swap_absent",    "page_cache_harmless", "anon_growth",
                                          "swap_full",      "ancestor_limit", "sibling_victim"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto shmem = part_bytes(incident, "shmem");
  const auto share = share_of_whole(incident, shmem);
  if (share < kNoticeableShmem || !shmem_has_owner(incident) || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{.code = "tmpfs_charged",
                  .title = "Files in tmpfs or shared memory (/dev/shm, memfd, emptyDir in memory) filled it",
                  .confidence = cause_confidence(incident, "shmem", share)};
  add_shmem_evidence(incident, found);
  found.advice.emplace_back(
      "Find the files: `df -h -t tmpfs`, `du -xsh /dev/shm /tmp /run`, `ipcs -m`, and remove them when their user "
      "ends.");
  found.advice.emplace_back(
      "Give the mount a ceiling below the limit (mount -o size=, sizeLimit of a Kubernetes emptyDir, --shm-size of "
      "docker), so that writing fails with ENOSPC instead.");
  found.will_not_help.emplace_back(
      "Killing or restarting the process: such pages stay charged until the file is deleted or the group is removed.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 4 << 20}, {"file", 56 << 20}, {"shmem", 55 << 20}});
  incident.tasks.front().rss_anon_bytes = 4 << 20;
  incident.tasks.front().rss_shmem_bytes = 55 << 20;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule tmpfs_charged{
    .summary = "files in tmpfs or shared memory filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

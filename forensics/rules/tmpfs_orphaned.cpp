#include "forensics/evidence.h"
#include "forensics/rule.h"
#include "forensics/shmem.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"host_exhausted", "swap_absent",   "page_cache_harmless",
                                          "anon_growth",    "swap_full",     "limit_far_too_small",
                                          "ancestor_limit", "sibling_victim"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto shmem = part_bytes(incident, "shmem");
  const auto share = share_of_whole(incident, shmem);
  if (share < kNoticeableShmem || shmem_has_owner(incident) || incident.manual) {
    return std::nullopt;
  }
  Diagnosis found{.code = "tmpfs_orphaned",
                  .title = "Files in tmpfs or shared memory whose writer is gone filled it",
                  .confidence = cause_confidence(incident, "shmem", share)};
  add_shmem_evidence(incident, found);
  found.advice.emplace_back(
      "Remove what was left behind: `du -xsh /dev/shm /tmp /run`, `ipcs -m -p` (segments whose creator is gone; `ipcrm "
      "-m`), "
      "`ls -l /proc/*/fd | grep deleted` for files that are only held open.");
  found.advice.emplace_back(
      "Let each user clean up after itself (PrivateTmp=, RemoveIPC=, a trap in the script), or give the mount a "
      "ceiling "
      "(size=, sizeLimit).");
  found.will_not_help.emplace_back(
      "Killing what is in the group: no process holds this memory, so every kill frees next to nothing, and the next "
      "allocation is out of memory again.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 4 << 20}, {"file", 56 << 20}, {"shmem", 55 << 20}});
  incident.tasks.front().rss_bytes = 5 << 20;
  incident.tasks.front().rss_anon_bytes = 4 << 20;
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule tmpfs_orphaned{
    .summary = "tmpfs or shared memory that no process holds filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

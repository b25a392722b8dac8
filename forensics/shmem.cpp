#include "forensics/shmem.h"

#include <algorithm>

#include <fmt/format.h>

#include "forensics/allocation_path.h"
#include "forensics/evidence.h"

namespace forensics {
namespace {

using base::human_size;

bool is_shmem_path(const Text& path) {
  return path == "tmpfs_write" || path == "tmpfs_fault" || path == "tmpfs_read";
}

}  // namespace

bool shmem_has_owner(const Incident& incident) {
  const auto shmem = part_bytes(incident, "shmem");
  const auto& unlisted = incident.analysis.unlisted;
  const bool mapped = !unlisted || unlisted->shmem_bytes.value_or(0) * 2 < shmem;
  return mapped || is_shmem_path(incident.analysis.allocation_path);
}

void add_shmem_evidence(const Incident& incident, Diagnosis& found) {
  found.evidence.push_back(
      fmt::format("shared memory and tmpfs were {}", of_whole(incident, part_bytes(incident, "shmem"))));
  quote_counters(found, incident, {"shmem"});
  quote_usage(found, incident);
  std::uint64_t mapped = 0;
  bool known = false;
  for (const auto& task : incident.tasks) {
    mapped = std::max(mapped, task.rss_shmem_bytes.value_or(0));  // shared: the same pages count in every process
    known = known || task.rss_shmem_bytes.has_value();
  }
  const auto& unlisted = incident.analysis.unlisted;
  if (unlisted && unlisted->shmem_bytes.value_or(0) > 0) {
    found.evidence.push_back(
        fmt::format("{} of it is in no listed process's mappings", human_size(*unlisted->shmem_bytes)));
  } else if (known) {
    found.evidence.push_back(fmt::format("one process maps {} of it", human_size(mapped)));
  }
  if (const auto& path = incident.analysis.allocation_path; is_shmem_path(path)) {
    found.evidence.push_back(fmt::format("the last allocation was for it: {}", allocation_path_words(*path)));
    quote_text(found, incident, "invoked oom-killer");
  }
}

}  // namespace forensics

#include "forensics/evidence.h"
#include "forensics/rule.h"
#include "forensics/slab.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted", "swap_absent", "ancestor_limit",
                                          "sibling_victim"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (slab_kind(incident) != SlabKind::inode) {
    return std::nullopt;
  }
  Diagnosis found{
      .code = "slab_inode", .title = "Inodes of very many files filled it", .confidence = slab_confidence(incident)};
  add_slab_evidence(incident, found);
  found.advice.emplace_back(
      "Look for what makes or opens very many files: small files by the hundred thousand, an unpacked archive, a mail "
      "or "
      "session store (`df -i`, `slabtop -s c`).");
  found.advice.emplace_back(
      "On tmpfs each inode lives as long as its file: remove the files, or mount it with nr_inodes=. Elsewhere open "
      "files "
      "and inotify watches pin them.");
  found.will_not_help.emplace_back("Killing processes that have closed the files: the inodes stay.");
  return found;
}

Example example() {
  auto incident =
      memcg_example({{"anon", 6 << 20}, {"file", 0}, {"slab_reclaimable", 1 << 20}, {"slab_unreclaimable", 55 << 20}});
  incident.call_trace = {"kmem_cache_alloc_lru", "shmem_alloc_inode", "alloc_inode", "new_inode"};
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule slab_inode{
    .summary = "inodes of very many files filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

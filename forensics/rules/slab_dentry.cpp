#include "forensics/evidence.h"
#include "forensics/rule.h"
#include "forensics/slab.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted", "swap_absent", "ancestor_limit",
                                          "sibling_victim"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (slab_kind(incident) != SlabKind::dentry) {
    return std::nullopt;
  }
  Diagnosis found{.code = "slab_dentry",
                  .title = "Cached names of files (dentries) filled it",
                  .confidence = slab_confidence(incident)};
  add_slab_evidence(incident, found);
  found.advice.emplace_back(
      "Look for something that touches very many file names: find, backup, a cache with one file per entry, lookups of "
      "names "
      "that do not exist (`perf trace -e openat,stat*`).");
  found.advice.emplace_back(
      "On tmpfs each name is pinned as long as its file exists: remove the files. On disk file systems the names are "
      "given back under pressure; vm.vfs_cache_pressure above 100 asks for it earlier.");
  found.will_not_help.emplace_back("Killing processes: names belong to the file system, not to who looked them up.");
  return found;
}

Example example() {
  return {.incident = memcg_example(
              {{"anon", 6 << 20}, {"file", 0}, {"slab_reclaimable", 50 << 20}, {"slab_unreclaimable", 5 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule slab_dentry{
    .summary = "cached file names (dentries) filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include "forensics/slab.h"

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"anon_growth", "host_exhausted", "swap_absent", "ancestor_limit",
                                          "sibling_victim"};

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  if (slab_kind(incident) != SlabKind::other) {
    return std::nullopt;
  }
  Diagnosis found{.code = "slab", .title = "Kernel objects (slab) filled it", .confidence = slab_confidence(incident)};
  add_slab_evidence(incident, found);
  found.advice.emplace_back(
      "Look for leaked kernel objects: open files, sockets, epoll and inotify watches, timers (`ls /proc/PID/fd | wc "
      "-l`, "
      "`slabtop -s c`).");
  found.advice.emplace_back(
      "Each object stays as long as something holds it open: closing it, or the end of the process, gives it back.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  return {.incident = memcg_example(
              {{"anon", 6 << 20}, {"file", 0}, {"slab_reclaimable", 1 << 20}, {"slab_unreclaimable", 55 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule slab{
    .summary = "kernel objects (slab: files, sockets, timers, buffers) filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

#include "forensics/slab.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "forensics/evidence.h"

namespace forensics {
namespace {

using base::human_size;

constexpr double kNoticeable = 0.25;

std::uint64_t slab_bytes(const Incident& incident) {
  return part_bytes(incident, "slab_reclaimable") + part_bytes(incident, "slab_unreclaimable");
}

// The caches that the report lists, largest first. Those of one name are of several groups, before 5.9.
std::vector<SlabCache> largest_caches(const Incident& incident) {
  if (!incident.memory_info) {
    return {};
  }
  auto caches = incident.memory_info->slab;
  std::ranges::stable_sort(caches, std::greater{}, &SlabCache::total_bytes);
  return caches;
}

bool any_frame_contains(const Incident& incident, std::string_view text) {
  return std::ranges::any_of(incident.call_trace, [&](const std::string& frame) { return frame.contains(text); });
}

// What stands behind a descriptor has an inode or a name in the kernel, too, but is no file.
bool is_of_descriptors(const Incident& incident) {
  constexpr std::array<std::string_view, 9> kTheirs = {"sock_alloc", "sk_alloc", "sock_create", "pipe",    "anon_inode",
                                                       "epoll",      "eventfd",  "inotify",     "fsnotify"};
  return std::ranges::any_of(kTheirs, [&](std::string_view text) { return any_frame_contains(incident, text); });
}

}  // namespace

SlabKind slab_kind(const Incident& incident) {
  const auto reclaimable = part_bytes(incident, "slab_reclaimable");
  const auto unreclaimable = part_bytes(incident, "slab_unreclaimable");
  if (share_of_whole(incident, reclaimable + unreclaimable) < kNoticeable || incident.manual) {
    return SlabKind::none;
  }
  if (const auto caches = largest_caches(incident); !caches.empty() && unreclaimable > reclaimable) {
    const auto& name = caches.front().name;
    return name.contains("inode") ? SlabKind::inode : name.contains("dentry") ? SlabKind::dentry : SlabKind::other;
  }
  if (is_of_descriptors(incident)) {
    return SlabKind::other;
  }
  if (any_frame_contains(incident, "alloc_inode")) {
    return SlabKind::inode;
  }
  if (reclaimable * 6 < reclaimable + unreclaimable) {
    return SlabKind::other;
  }
  // Names can be reclaimed by their kind even where their files pin them; the inodes of tmpfs cannot.
  return reclaimable > unreclaimable ? SlabKind::dentry : SlabKind::inode;
}

double slab_confidence(const Incident& incident) {
  const auto share = share_of_whole(incident, slab_bytes(incident));
  const bool largest = is_dominant(incident, "slab_reclaimable") || is_dominant(incident, "slab_unreclaimable");
  return std::min(0.95, largest ? 0.7 + 0.3 * share : 0.3 + 0.6 * share);
}

void add_slab_evidence(const Incident& incident, Diagnosis& found) {
  found.evidence.push_back(fmt::format("slab was {} ({} reclaimable, {} not)", of_whole(incident, slab_bytes(incident)),
                                       human_size(part_bytes(incident, "slab_reclaimable")),
                                       human_size(part_bytes(incident, "slab_unreclaimable"))));
  quote_counters(found, incident, {"slab_reclaimable", "slab_unreclaimable"});
  std::string largest;
  const auto caches = largest_caches(incident);
  for (std::size_t i = 0; i < caches.size() && i < 3; ++i) {
    largest += fmt::format("{}{} {}", i == 0 ? "" : ", ", caches[i].name, human_size(caches[i].total_bytes));
    quote_start(found, incident, caches[i].name);
  }
  if (!largest.empty()) {
    found.evidence.push_back("largest caches: " + largest);
  } else if (const auto& path = incident.analysis.allocation_path; path == "slab" || path == "socket") {
    found.evidence.emplace_back(path == "slab" ? "the allocation that failed was for such an object"
                                               : "the allocation that failed was for a socket or a message in one");
    quote_text(found, incident, "invoked oom-killer");
  }
  quote_usage(found, incident);
}

}  // namespace forensics

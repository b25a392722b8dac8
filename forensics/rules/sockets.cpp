#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"kernel_memory", "driver_or_unaccounted", "host_exhausted", "slab",
                                          "anon_growth",   "ancestor_limit",        "sibling_victim"};

constexpr double kCounted = 0.2, kNameless = 0.3;

bool makes_socket(const Incident& incident) {
  return trace_has(incident, {"sock_alloc_inode", "sock_alloc+", "__sock_create", "sk_prot_alloc", "sk_alloc",
                              "unix_create1", "__sys_socket"});
}

bool is_for_socket(const Incident& incident) {
  return incident.analysis.allocation_path == "socket" || makes_socket(incident);
}

// Buffers of TCP and UDP have a counter; those of AF_UNIX sockets are whole pages of the kernel's, and slab.
struct Memory {
  std::uint64_t counted = 0, pages = 0, slab = 0;
};

Memory memory_of(const Incident& incident) {
  if (!is_for_socket(incident)) {
    return {.counted = part_bytes(incident, "sock")};
  }
  return {.counted = part_bytes(incident, "sock"),
          .pages = part_bytes(incident, is_memcg(incident) ? "kernel_other" : "unaccounted"),
          .slab = part_bytes(incident, "slab_unreclaimable") + part_bytes(incident, "slab_reclaimable")};
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto [counted, pages, slab] = memory_of(incident);
  const auto share = share_of_whole(incident, counted + pages + slab);
  const bool buffers = share_of_whole(incident, counted) >= kCounted || share_of_whole(incident, pages) >= kNameless;
  if (!buffers && share_of_whole(incident, slab) < kNameless) {
    return std::nullopt;
  }
  // Slab alone has a rule of its own. Where sockets are being made they are what it is; a message that was to be sent
  // may be one among other objects.
  const double by_slab = makes_socket(incident) ? std::min(0.85, 0.6 + 0.2 * share) : 0.55;
  Diagnosis found{.code = "sockets",
                  .title = buffers ? "Data in sockets that nobody reads filled it"
                                   : "Sockets, or small messages in them that nobody reads, filled it",
                  .confidence = buffers ? std::min(0.96, 0.75 + 0.22 * share) : by_slab};
  if (counted > 0) {
    found.evidence.push_back(fmt::format("socket buffers were {}", of_whole(incident, counted)));
  }
  if (pages + slab > 0) {
    found.evidence.push_back(
        fmt::format("the allocation that failed was for a socket, and {} is kernel memory of the kind "
                    "that local sockets use",
                    of_whole(incident, pages + slab)));
    quote_text(found, incident, "invoked oom-killer");
  }
  quote_counters(found, incident, {"sock", "kernel", "slab_unreclaimable"});
  quote_usage(found, incident);
  found.advice.emplace_back(
      "Find sockets whose receive queue is long (`ss -amp`: Recv-Q, skmem): a reader that hangs, or connections that "
      "leak.");
  found.advice.emplace_back(
      "Ceilings for one socket: SO_RCVBUF and SO_SNDBUF, net.core.rmem_max and wmem_max, net.ipv4.tcp_rmem and "
      "tcp_wmem; for "
      "their number: LimitNOFILE=.");
  found.will_not_help.emplace_back("Looking for the leak in the process's heap: RSS does not show this memory.");
  return found;
}

Example example() {
  return {.incident = memcg_example({{"anon", 6 << 20}, {"file", 0}, {"kernel", 6 << 20}, {"sock", 50 << 20}}),
          .run = {}};
}

}  // namespace

constinit extern const Rule sockets{
    .summary = "data in sockets that nobody reads filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

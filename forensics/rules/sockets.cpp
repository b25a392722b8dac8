#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"kernel_memory",         "slab",           "slab_inode",  "slab_dentry",
                                          "driver_or_unaccounted", "host_exhausted", "anon_growth", "ancestor_limit",
                                          "sibling_victim"};

constexpr double kCounted = 0.2, kNameless = 0.3;

// Buffers of TCP and UDP have a counter; those of AF_UNIX sockets are slab and whole pages.
std::uint64_t nameless_bytes(const Incident& incident) {
  const bool made = trace_has(incident, {"sock_alloc", "__sock_create", "sk_prot_alloc", "__sys_socket"});
  if (incident.analysis.allocation_path != "socket" && !made) {
    return 0;
  }
  return part_bytes(incident, "kernel_other") + part_bytes(incident, "slab_unreclaimable") +
         part_bytes(incident, "slab_reclaimable") + (is_memcg(incident) ? 0 : part_bytes(incident, "unaccounted"));
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto counted = part_bytes(incident, "sock"), nameless = nameless_bytes(incident);
  const auto share = share_of_whole(incident, counted + nameless);
  if (share_of_whole(incident, counted) < kCounted && share_of_whole(incident, nameless) < kNameless) {
    return std::nullopt;
  }
  Diagnosis found{.code = "sockets",
                  .title = "Data in sockets that nobody reads filled it",
                  .confidence = std::min(0.96, 0.75 + 0.22 * share)};
  if (counted > 0) {
    found.evidence.push_back(fmt::format("socket buffers were {}", of_whole(incident, counted)));
  }
  if (nameless > 0) {
    found.evidence.push_back(
        fmt::format("the allocation that failed was for a socket's data, and {} is kernel memory of the "
                    "kind that local sockets use",
                    of_whole(incident, nameless)));
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

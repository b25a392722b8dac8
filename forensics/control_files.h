#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cgroup/model.h"
#include "forensics/document.h"

// What a cgroup's control files and /proc/vmstat, copied from the machine, add to a log of it.
namespace forensics {

struct ControlFiles {
  std::optional<cgroup::Counters> stat;        // memory.stat
  std::optional<cgroup::MemoryEvents> events;  // memory.events, or memory.oom_control of cgroup v1 (which has oom_kill)
  std::optional<cgroup::Counters> vmstat;      // /proc/vmstat: oom_kill counts the machine's kills since it booted

  [[nodiscard]] bool any() const { return stat || events || vmstat; }
};

// Processes that the kernel's OOM killer killed in one incident.
struct LoggedKills {
  Text host, memcg;
  std::uint64_t processes = 0;
};

// Those of every incident: taken before incidents are left out.
std::vector<LoggedKills> logged_kills(const Postmortem& document);

// Joins them to the last incident of a memory cgroup; warnings say to which. memory.stat fills the statistics of a
// report that has none, and never replaces what the kernel printed at the kill (control_files_joined,
// memory_stat_unused). The kills that memory.events and vmstat count are held against those in the log, which makes the
// document's reconciliation; a warning, too, where they differ: kill_without_log_line when the log lacks some,
// kill_not_counted when the file does.
void join(Postmortem& document, const ControlFiles& files, const std::vector<LoggedKills>& kills);

}  // namespace forensics

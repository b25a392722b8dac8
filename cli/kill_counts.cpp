#include "cli/kill_counts.h"

#include "base/file.h"
#include "cgroup/parse.h"
#include "forensics/control_files.h"
#include "forensics/reconcile.h"

namespace cli {
namespace {

std::optional<std::uint64_t> kills_since_boot() {
  const auto text = base::read_all("/proc/vmstat");
  if (!text) {
    return std::nullopt;
  }
  const auto vmstat = cgroup::parse_counters(*text);
  return vmstat ? cgroup::find(*vmstat, "oom_kill") : std::nullopt;
}

}  // namespace

KillCounts::KillCounts() : before_(kills_since_boot()) {}

void KillCounts::see_log(const forensics::Postmortem& document) {
  for (const auto& kills : forensics::logged_kills(document)) {
    logged_ += kills.processes;
  }
}

void KillCounts::reconcile(forensics::Postmortem& document, const std::string& group_path,
                           std::optional<std::uint64_t> logged) const {
  if (!logged) {
    return;
  }
  const auto& events = document.run ? document.run->memory.events : std::nullopt;
  if (events && events->oom_kill) {
    document.reconciliation.push_back(
        forensics::reconcile(document, "memory.events", group_path.empty() ? std::nullopt : std::optional(group_path),
                             *logged, *events->oom_kill));
  }
  const auto after = kills_since_boot();
  if (before_ && after && *after >= *before_) {
    document.reconciliation.push_back(
        forensics::reconcile(document, "vmstat", std::nullopt, logged_, *after - *before_));
  }
}

}  // namespace cli

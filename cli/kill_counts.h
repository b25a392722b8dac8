#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "forensics/document.h"

namespace cli {

// The kernel's counters of OOM kills over a run, to be held against the kernel log of the same time.
class KillCounts {
 public:
  // Reads the machine's counter (oom_kill of /proc/vmstat, 4.13 on): before the run.
  KillCounts();
  // The machine's kills that the log shows, whoever's they are: before the incidents of others are left out.
  void see_log(const forensics::Postmortem& document);
  // Adds the reconciliation of the group's and of the machine's counter. logged: kills of the group in the log, nothing
  // without a log.
  void reconcile(forensics::Postmortem& document, const std::string& group_path,
                 std::optional<std::uint64_t> logged) const;

 private:
  std::optional<std::uint64_t> before_;
  std::uint64_t logged_ = 0;
};

}  // namespace cli

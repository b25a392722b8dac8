#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/exit_status.h"
#include "cgroup/model.h"
#include "forensics/document.h"

namespace cli {

// Why oomlab itself ended the command, if it did.
enum class Stop { none, timed_out, thrashing, interrupted };

// What is known about how a run ended; three witnesses that may disagree.
struct Witnesses {
  base::ExitStatus status;                     // wait status of the command
  std::optional<cgroup::MemoryEvents> events;  // of its cgroup at the end, counted from 0
  std::optional<std::uint64_t>
      logged_kills;  // distinct processes of its cgroup that the kernel log says were killed; nothing = no log
  bool logged_panic = false;
  double stalled_share = 0;  // of its time, in which all of its processes waited for memory (PSI full)
  Stop stop = Stop::none;
  std::string not_started;     // why the command could not be started; empty when it was
  int not_started_code = 126;  // 126 or 127
};

// The verdict, with each witness that supports it named as evidence and a sentence where they disagree.
forensics::Outcome judge(const Witnesses& witnesses);

// Whether a run is what was expected: "oom" = a process in the cgroup was OOM killed, "fit" = completed with exit 0, no
// kill, and, with max_peak, a peak not above it.
forensics::Expectation check_expectation(const std::string& expect, std::optional<std::uint64_t> max_peak_bytes,
                                         const forensics::Run& run);

}  // namespace cli

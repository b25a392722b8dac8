#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cgroup/model.h"
#include "cli/containers/known.h"
#include "cli/watch/ledger.h"
#include "forensics/document.h"
#include "forensics/live_log.h"

namespace cli::watch {

// A cgroup as it was last seen.
struct SeenGroup {
  std::string path;
  cgroup::Snapshot last;
  std::vector<cgroup::Sample> timeline;
  std::chrono::steady_clock::time_point start;  // of the timeline
};

// Everything that is known of one kill.
struct Kill {
  std::optional<forensics::LoggedIncident> logged;  // nothing: only the counters tell of it
  Settlement settlement;
  std::optional<std::string> limit_cgroup;  // whose `oom` count has grown; asked for only where the log does not say it
  std::optional<SeenGroup> group;           // whose limit was hit, else the victim's
  std::optional<containers::Container> container;
  double monotonic_s = 0;  // when it was noticed, for a kill that is not in the log
  std::string realtime;    // RFC 3339
  std::optional<std::string> kernel;
  std::vector<forensics::Warning> warnings;  // what this watch cannot see
};

// The cgroup in which the killed process lived, or whose limit was hit, as far as it is known.
std::optional<std::string> cgroup_of(const Kill& kill);

// Its post-mortem, explained.
forensics::Postmortem make_document(const Kill& kill);

}  // namespace cli::watch

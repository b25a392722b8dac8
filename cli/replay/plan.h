#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forensics/document.h"

// An OOM report of a kernel's log, turned into a scenario that does the same again.
namespace cli::replay {

struct PlanOptions {
  std::optional<double> scale;  // of all sizes; nothing: 1, or what the largest guest can hold
  std::string name = "replay";
};

// A scenario (its file's text), and how true it is to the report.
struct Plan {
  std::string scenario;
  std::string victim, trigger;     // the names of their tasks; victim: empty when the report does not list it
  std::vector<std::string> alike;  // tasks as large as the victim, with its oom_score_adj: any of them may be chosen
  double scale = 1;
  std::vector<std::string> remarks;  // what the report does not say, or cannot be done again
};

// The same limits, scope, group setting and tasks (sizes, kinds of memory, oom_score_adj), swap, and, last, what asked
// for more; expected are the same scope, victim, limiting level and dominant part. An error of kind usage says what of
// the report is missing.
base::Result<Plan> make_plan(const forensics::Incident& incident, const PlanOptions& options = {});

}  // namespace cli::replay

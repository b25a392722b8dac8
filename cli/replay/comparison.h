#pragma once

#include <string>
#include <vector>

#include "cli/replay/plan.h"
#include "cli/scenario/findings.h"
#include "forensics/document.h"

namespace cli::replay {

// One thing of the two kills.
struct Compared {
  std::string what, original, again;
  bool same = false;
  bool matters = true;
};

// Kind, scope, level of the limit, victim, trigger and dominant part of the report against those of its replay. What
// the report does not say is not compared. Who asked is told, and need not be the same: the last page is a matter of
// chance.
std::vector<Compared> compare(const forensics::Incident& original, const Plan& plan, const scenario::Findings& again);

// Whether all that has to be is the same.
bool is_same(const std::vector<Compared>& compared);

// The replay's post-mortem, with the comparison as the run's expectation.
forensics::Postmortem to_postmortem(const scenario::Findings& again, const std::vector<Compared>& compared,
                                    const std::string& source);

}  // namespace cli::replay

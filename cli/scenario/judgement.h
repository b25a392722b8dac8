#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// An expectation held against what was found.
struct Judged {
  std::string path, expected, seen;
  bool met = false;
};

// A scenario, what a run of it found, and what that is worth.
struct Judgement {
  std::string scenario, about;
  std::string kernel;      // as it was asked for ("6.12"), else the release
  std::string definition;  // of the scenario, JSON on one line
  Findings findings;
  std::vector<Judged> expectations;

  [[nodiscard]] std::size_t unmet() const;
  // met | not_met | skipped | error
  [[nodiscard]] std::string_view outcome() const;
};

// Besides what the scenario expects: that it came to its end, unless it expects another verdict, and that the guest's
// kernel found no fault in itself.
Judgement judge(const Scenario& scenario, Findings findings, std::string_view kernel);

// 0 all are met, 1 some are not, 3 none could be run, 125 an error of ours.
int exit_status(const std::vector<Judgement>& judgements);

}  // namespace cli::scenario

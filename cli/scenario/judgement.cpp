#include "cli/scenario/judgement.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/report.h"

namespace cli::scenario {
namespace {

bool has_run(const Findings& findings) {
  return findings.verdict != "skipped" && findings.verdict != "error";
}

Judged judge_end(const Findings& findings) {
  const bool ended =
      findings.verdict == "completed" || findings.verdict == "failed" || findings.verdict == "oom_killed";
  auto seen = findings.reason ? fmt::format("{}: {}", findings.verdict, base::escape_terminal(*findings.reason))
                              : findings.verdict;
  return {.path = "end", .expected = "it comes to its end", .seen = std::move(seen), .met = ended};
}

Judged judge_kernel(const Findings& findings) {
  const auto& lines = findings.kernel_complaints;
  return {.path = "kernel",
          .expected = "no BUG, WARNING or Oops in the kernel's log",
          .seen = lines.empty() ? "none" : base::escape_terminal(lines.front()),
          .met = lines.empty()};
}

}  // namespace

std::size_t Judgement::unmet() const {
  return static_cast<std::size_t>(std::ranges::count(expectations, false, &Judged::met));
}

std::string_view Judgement::outcome() const {
  if (!has_run(findings)) {
    return findings.verdict == "skipped" ? "skipped" : "error";
  }
  return unmet() == 0 ? "met" : "not_met";
}

Judgement judge(const Scenario& scenario, Findings findings, std::string_view kernel) {
  Judgement judgement{.scenario = scenario.name,
                      .about = scenario.about,
                      .kernel = std::string(kernel.empty() ? findings.kernel : kernel),
                      .definition = scenario.definition,
                      .findings = std::move(findings),
                      .expectations = {}};
  const auto& found = judgement.findings;
  if (!has_run(found)) {
    return judgement;
  }
  if (!scenario.expects_verdict) {
    judgement.expectations.push_back(judge_end(found));
  }
  for (const auto& check : scenario.checks) {
    auto seen = check.look(found);
    judgement.expectations.push_back(
        {.path = check.path, .expected = check.expected, .seen = std::move(seen.words), .met = seen.met});
  }
  judgement.expectations.push_back(judge_kernel(found));
  return judgement;
}

int exit_status(const std::vector<Judgement>& judgements) {
  const auto any = [&judgements](std::string_view outcome) {
    return std::ranges::any_of(judgements, [outcome](const auto& each) { return each.outcome() == outcome; });
  };
  if (any("error")) {
    return kExitOwnFailure;
  }
  if (any("not_met")) {
    return 1;
  }
  return any("met") ? 0 : kExitCannot;
}

}  // namespace cli::scenario

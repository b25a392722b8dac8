#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/scenario/results.h"

namespace cli::scenario {
namespace {

// Valid in XML 1.0, as text and as attribute; what control characters are left by escape_terminal() are none.
std::string xml(std::string_view bytes) {
  std::string out;
  for (const char c : base::escape_terminal(bytes)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string failure(const Judgement& judgement) {
  std::string lines;
  for (const auto& each : judgement.expectations) {
    if (!each.met) {
      lines += fmt::format("{}: expected {}; seen: {}\n", xml(each.path), xml(each.expected), xml(each.seen));
    }
  }
  return fmt::format("      <failure type=\"expectation\" message=\"{} of {} expectations are not met\">{}</failure>\n",
                     judgement.unmet(), judgement.expectations.size(), lines);
}

std::string outcome_element(const Judgement& judgement) {
  const auto outcome = judgement.outcome();
  const auto reason = xml(judgement.findings.reason.value_or(""));
  if (outcome == "not_met") {
    return failure(judgement);
  }
  if (outcome == "skipped") {
    return fmt::format("      <skipped message=\"{}\"/>\n", reason);
  }
  return outcome == "error" ? fmt::format("      <error message=\"{}\"/>\n", reason) : "";
}

std::string output_element(const Judgement& judgement) {
  std::string lines;
  for (const auto& incident : judgement.findings.postmortem.incidents) {
    lines += xml(incident.verdict) + "\n";
  }
  return lines.empty() ? "" : fmt::format("      <system-out>{}</system-out>\n", lines);
}

}  // namespace

std::string to_junit(const std::vector<Judgement>& judgements) {
  const auto count = [&judgements](std::string_view outcome) {
    return std::ranges::count_if(judgements, [outcome](const auto& each) { return each.outcome() == outcome; });
  };
  double seconds = 0;
  std::string cases;
  for (const auto& judgement : judgements) {
    seconds += judgement.findings.duration_s;
    cases += fmt::format(
        "    <testcase classname=\"oomlab.scenario.{}\" name=\"{}\" time=\"{:.3f}\">\n{}{}    </testcase>\n",
        xml(judgement.kernel), xml(judgement.scenario), judgement.findings.duration_s, outcome_element(judgement),
        output_element(judgement));
  }
  const auto totals = fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.3f}")",
                                  judgements.size(), count("not_met"), count("error"), count("skipped"), seconds);
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {}>\n  <testsuite name=\"oomlab scenarios\" {}>\n{}"
      "  </testsuite>\n</testsuites>\n",
      totals, totals, cases);
}

}  // namespace cli::scenario

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/scenario/results.h"

namespace cli::scenario {
namespace {

std::string_view word_for(std::string_view outcome) {
  return outcome == "met" ? "met" : outcome == "not_met" ? "NOT MET" : outcome == "skipped" ? "skipped" : "ERROR";
}

std::string remark(const Judgement& judgement) {
  const auto& findings = judgement.findings;
  if (judgement.outcome() == "skipped" || judgement.outcome() == "error") {
    return base::escape_terminal(findings.reason.value_or(""));
  }
  const auto total = judgement.expectations.size();
  return fmt::format("{} of {} expectations, {}", total - judgement.unmet(), total, findings.verdict);
}

}  // namespace

std::string to_table(const std::vector<Judgement>& judgements, bool all) {
  std::size_t width = 8;
  std::size_t kernel_width = 6;
  for (const auto& judgement : judgements) {
    width = std::max(width, judgement.scenario.size());
    kernel_width = std::max(kernel_width, judgement.kernel.size());
  }
  auto out = fmt::format("{:<{}}  {:<{}}  {:<7}  {:>8}  {}\n", "SCENARIO", width, "KERNEL", kernel_width, "RESULT",
                         "TIME", "SEEN");
  for (const auto& judgement : judgements) {
    out += fmt::format("{:<{}}  {:<{}}  {:<7}  {:>8}  {}\n", judgement.scenario, width,
                       base::escape_terminal(judgement.kernel), kernel_width, word_for(judgement.outcome()),
                       base::human_duration(judgement.findings.duration_s), remark(judgement));
    if (const auto& reason = judgement.findings.reason; reason && judgement.outcome() == "not_met") {
      out += fmt::format("  ! {}\n", base::escape_terminal(*reason));
    }
    for (const auto& each : judgement.expectations) {
      if (!each.met || all) {
        out +=
            fmt::format("  {} {}: expected {}; seen: {}\n", each.met ? "+" : "-", each.path, each.expected, each.seen);
      }
    }
  }
  return out + summary(judgements) + "\n";
}

std::string summary(const std::vector<Judgement>& judgements) {
  constexpr std::pair<std::string_view, std::string_view> kOutcomes[] = {
      {"met", "met"}, {"not_met", "not met"}, {"skipped", "skipped"}, {"error", "failed to run"}};
  std::string text;
  for (const auto& [outcome, words] : kOutcomes) {
    const auto count = std::ranges::count_if(judgements, [&](const auto& each) { return each.outcome() == outcome; });
    if (count > 0) {
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, words);
    }
  }
  return text;
}

}  // namespace cli::scenario

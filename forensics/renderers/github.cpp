#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "forensics/renderer.h"
#include "forensics/run_words.h"
#include "forensics/words.h"

namespace forensics::renderers {
namespace {

constexpr std::size_t kAnnotations = 10;  // of a level that GitHub shows for a step
constexpr std::size_t kEvidenceShown = 4;

// Data of a workflow command: a new line, and in a property ':' and ',' too, would end it.
std::string data(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    for (const char c : base::escape_terminal(text.substr(0, end))) {
      out += c == '%' ? "%25" : std::string(1, c);
    }
    out += end < text.size() ? "%0A" : "";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::string property(std::string_view text) {
  std::string out;
  for (const char c : data(text)) {
    out += c == ':' ? "%3A" : c == ',' ? "%2C" : std::string(1, c);
  }
  return out;
}

std::string command(std::string_view level, std::string_view title, std::string_view message) {
  return fmt::format("::{} title={}::{}\n", level, property(title), data(message));
}

// The verdict, then the first finding with its figures and its first step.
std::string message_of(const Incident& incident) {
  auto text = incident.verdict.empty() ? kind_words(incident) : incident.verdict + ".";
  if (!incident.diagnosis.empty()) {
    const auto& finding = incident.diagnosis.front();
    text += "\n" + finding.title;
    for (std::size_t i = 0; i < finding.evidence.size() && i < kEvidenceShown; ++i) {
      text += "\n- " + finding.evidence[i];
    }
    text += finding.advice.empty() ? "" : "\n→ " + finding.advice.front();
  }
  return text;
}

std::string_view level_of(const Incident& incident) {
  return incident.kind == "oom_kill" || incident.kind == "panic" ? "error" : "warning";
}

// Each level's first ones; of the others how many there are.
std::string of_incidents(const Postmortem& document) {
  std::string out;
  for (const std::string_view level : {"error", "warning"}) {
    std::size_t written = 0, left = 0;
    for (const auto& incident : document.incidents) {
      if (level_of(incident) != level) {
        continue;
      }
      if (written + 1 < kAnnotations) {
        out += command(level, kind_words(incident), message_of(incident));
        ++written;
      } else {
        ++left;
      }
    }
    if (left > 0) {
      out +=
          command(level, "oomlab", fmt::format("{} more; {}", counted(left, "incident"), overview_sentence(document)));
    }
  }
  return out;
}

std::string of_run(const Postmortem& document) {
  const auto& run = *document.run;
  auto text = run_sentence(run) + ".";
  const bool failed = run.expectation ? !run.expectation->met : run.outcome.verdict != "completed";
  if (run.expectation) {
    text += "\nexpected " + expectation_words(*run.expectation);
  }
  for (const auto& incident : document.incidents) {
    text += "\n" + message_of(incident);
  }
  return command(failed ? "error" : "notice", failed ? "oomlab: " + run.outcome.verdict : "oomlab", text);
}

std::string render_github(const Postmortem& document, const RenderOptions& /*options*/) {
  std::string out;
  if (document.run) {
    out = of_run(document);
  } else if (document.incidents.empty()) {
    out = command("notice", "oomlab", nothing_found_sentence(document));
  } else {
    out = of_incidents(document);
  }
  std::size_t written = 0;
  for (const auto& warning : document.warnings) {
    out += ++written < kAnnotations ? command("warning", "oomlab", warning_words(document, warning)) : "";
  }
  return out;
}

}  // namespace

constinit extern const Renderer github{
    .summary = "GitHub workflow commands that annotate a build; with GITHUB_STEP_SUMMARY set, also a job summary",
    .endings = {},
    .render = render_github,
};

}  // namespace forensics::renderers

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/descriptor.h"
#include "base/exit_status.h"
#include "base/file.h"
#include "cli/backend.h"
#include "cli/command.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "cli/unlimited.h"
#include "forensics/renderer.h"
#include "forensics/text_incident.h"

namespace cli {
namespace {

base::Result<forensics::Postmortem> run_somewhere(const Invocation& invocation, const RunOptions& options) {
  if (options.no_limit) {
    return run_unlimited(options.experiment, options.workload_size_bytes);
  }
  TRY_ASSIGN(const auto choice, choose_backend(options.backend, invocation));
  return choice.backend == Backend::host ? run_here(options.experiment, choice.delegation)
                                         : run_in_vm(options.experiment, options.guest);
}

// One line: what happened to what, where it peaked, where the report is.
std::string summary_line(const forensics::Postmortem& document, const std::vector<Output>& outputs) {
  const auto& run = *document.run;
  std::string line = fmt::format("{}", run.outcome.verdict);
  if (run.outcome.exit_code && run.outcome.verdict == "failed") {
    line += fmt::format(" with exit {}", *run.outcome.exit_code);
  } else if (run.outcome.signal && run.outcome.verdict == "signaled") {
    line += fmt::format(" by {}", base::signal_name(*run.outcome.signal));
  }
  line += fmt::format(" after {}", base::human_duration(run.duration_s));
  if (run.memory.peak_bytes) {
    line += fmt::format(", peak {}", base::human_size(*run.memory.peak_bytes));
  }
  if (run.outcome.reason) {
    line += fmt::format(": {}", *run.outcome.reason);
  }
  for (const auto& output : outputs) {
    line += output.path == "-" ? "" : fmt::format("; post-mortem in {}", output.path);
  }
  return line;
}

// The whole text report, on stderr: for a `run` that was killed and writes no post-mortem elsewhere.
void tell_on_stderr(const forensics::Postmortem& document) {
  const auto table = forensics::all_renderers();
  const auto* text = base::find_descriptor(table, "text");
  const auto report = (*text)->render(document, {.colour = colours(STDERR_FILENO), .width = columns(STDERR_FILENO)});
  (void)base::write_all(STDERR_FILENO, report);  // nothing to be done when stderr is closed
}

// What a workload has seen, where no text report shows it.
void tell_observations(const forensics::Postmortem& document) {
  const auto text =
      forensics::observations_text(*document.run, {.colour = colours(STDERR_FILENO), .width = columns(STDERR_FILENO)});
  (void)base::write_all(STDERR_FILENO, text);  // as above
}

void say_how_it_ended(const forensics::Postmortem& document, const std::vector<Output>& outputs) {
  const auto& run = *document.run;
  const bool told_on_stdout = std::ranges::find(outputs, "-", &Output::path) != outputs.end();
  if (outputs.empty() && (!document.incidents.empty() || run.outcome.verdict == "oom_killed")) {
    tell_on_stderr(document);
  } else if (!told_on_stdout || outputs.size() > 1) {
    say(summary_line(document, outputs));
    tell_observations(document);
  }
  if (run.expectation && !run.expectation->met) {
    say(fmt::format("expected {}, not met: {}", run.expectation->expect, run.expectation->reason));
  }
}

}  // namespace

int perform(const Invocation& invocation, RunOptions& options, TextTo text_to) {
  const bool text_on_stdout = text_to == TextTo::standard_output && !options.quiet;
  auto outputs = check_outputs(options.outputs, options.format, text_on_stdout ? "text" : "");
  if (!outputs) {
    return report(outputs.error());
  }
  for (const auto& note : options.like_notes) {
    if (!options.quiet) {
      say(note);
    }
  }
  options.experiment.progress = text_on_stdout && ::isatty(STDERR_FILENO) == 1;
  auto document = run_somewhere(invocation, options);
  if (!document) {
    return report(document.error());
  }
  for (const auto& note : options.like_notes) {
    document->warnings.push_back({.code = "limit_of_container", .message = note});
  }
  auto& run = *document->run;
  if (!options.expect.empty()) {
    run.expectation = check_expectation(options.expect, options.max_peak_bytes, run);
  }
  if (auto written = write_document(*document, *outputs); !written) {
    (void)report(written.error());
    return kExitOwnFailure;
  }
  if (!options.quiet) {
    say_how_it_ended(*document, *outputs);
  }
  return exit_status(run);
}

}  // namespace cli

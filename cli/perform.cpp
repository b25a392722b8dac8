#include <unistd.h>

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
#include "forensics/renderer.h"

namespace cli {
namespace {

base::Result<forensics::Postmortem> run_on(Backend backend, const RunOptions& options) {
  return backend == Backend::host ? run_here(options.experiment) : run_in_vm(options.experiment, options.guest);
}

// One line: what happened to what, where it peaked, where the report is.
std::string summary_line(const forensics::Postmortem& document, const std::vector<std::string>& outputs) {
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
    line += output == "-" ? "" : fmt::format("; post-mortem in {}", output);
  }
  return line;
}

std::string text_report(const forensics::Postmortem& document, int fd) {
  const auto table = forensics::all_renderers();
  const auto* text = base::find_descriptor(table, "text");
  return (*text)->render(document, {.colour = colours(fd), .width = columns(fd)});
}

}  // namespace

int perform(const Invocation& invocation, RunOptions& options, TextTo text_to) {
  if (options.format && options.outputs.empty()) {
    options.outputs.emplace_back("-");
  }
  if (auto checked = check_outputs(options.outputs, options.format); !checked) {
    return report(checked.error());
  }
  const auto backend = choose_backend(options.backend, invocation);
  if (!backend) {
    return report(backend.error());
  }
  options.experiment.progress = text_to == TextTo::standard_output && !options.quiet && ::isatty(STDERR_FILENO) == 1;
  auto document = run_on(*backend, options);
  if (!document) {
    return report(document.error());
  }
  auto& run = *document->run;
  if (!options.expect.empty()) {
    run.expectation = check_expectation(options.expect, options.max_peak_bytes, run);
  }
  if (auto written = write_document(*document, options.outputs, options.format); !written) {
    (void)report(written.error());
    return kExitOwnFailure;
  }
  if (!options.quiet) {
    const bool tells_a_story = !document->incidents.empty() || run.outcome.verdict == "oom_killed";
    if (text_to == TextTo::standard_output && options.outputs.empty()) {
      (void)print(text_report(*document, STDOUT_FILENO));
    } else if (text_to == TextTo::standard_error && options.outputs.empty() && tells_a_story) {
      (void)base::write_all(STDERR_FILENO, text_report(*document, STDERR_FILENO));
    } else {
      say(summary_line(*document, options.outputs));
    }
    if (run.expectation && !run.expectation->met) {
      say(fmt::format("expected {}, not met: {}", run.expectation->expect, run.expectation->reason));
    }
  }
  return exit_status(run);
}

}  // namespace cli

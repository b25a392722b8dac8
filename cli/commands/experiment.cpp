// The guest's side of `run --backend vm`: an experiment given as arguments, its document written to a file. Started by
// the micro-VM's agent.
#include "cli/experiment.h"

#include "base/file.h"
#include "cgroup/delegation.h"
#include "cli/command.h"
#include "cli/experiment_arguments.h"
#include "cli/report.h"
#include "forensics/json.h"

namespace cli::commands {

extern const Command experiment;

namespace {

int experiment_command(const Invocation& invocation) {
  Options table;
  Experiment wanted;
  std::optional<std::string> output;
  bind_experiment(table, wanted);
  table.text("output", output, "FILE", "where the document goes");
  const auto parsed = table.parse(invocation.name, experiment, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  wanted.command = parsed->after_dashes;
  if (wanted.command.empty() || !output) {
    return report({.kind = base::ErrorKind::usage, .message = "experiment: needs --output and a command"});
  }
  const auto hierarchy = cgroup::find_own_hierarchy();
  if (!hierarchy) {
    return report(hierarchy.error());
  }
  const auto document = run_here(wanted, cgroup::find_delegation(*hierarchy));
  if (!document) {
    return report(document.error());
  }
  if (auto written = base::write_file_atomic(*output, forensics::to_json(*document, forensics::Layout::line));
      !written) {
    (void)report(written.error());
    return kExitOwnFailure;
  }
  return 0;
}

}  // namespace

constinit const Command experiment{
    .summary = "runs an experiment given as arguments (started by the micro-VM's agent)",
    .usage = "--output FILE [--limit FILE=VALUE]... -- CMD [ARG...]",
    .details = {},
    .run = experiment_command,
    .hidden = true,
};

}  // namespace cli::commands

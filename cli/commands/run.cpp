#include "cli/command.h"
#include "cli/report.h"
#include "cli/run_options.h"

namespace cli::commands {

extern const Command run;

namespace {

int run_command(const Invocation& invocation) {
  RunOptions options;
  Options table;
  options.bind(table);
  const auto parsed = table.parse(invocation.name, run, invocation.arguments, true);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (parsed->after_dashes.empty()) {
    return report({.kind = base::ErrorKind::usage,
                   .message = "no command given",
                   .remedy = "oomlab run --memory-max 256M -- CMD [ARG...]"});
  }
  if (auto settled = options.settle(); !settled) {
    return report(settled.error());
  }
  options.experiment.command = parsed->after_dashes;
  return perform(invocation, options, TextTo::standard_error);
}

}  // namespace

constinit const Command run{
    .summary = "run any command in a fresh cgroup with limits, record it, explain its end",
    .usage = "[limits] [-o FILE]... [--] CMD [ARG...]",
    .details =
        "The command's stdin, stdout and stderr are its own. Exit status: the command's (128 + signal, so 137 for an "
        "OOM kill); 124 when its time was over;\n"
        "125 oomlab failed, 126 not executable, 127 not found; with --expect 0 when met and 1 when not; 3 when this "
        "machine cannot.\n\n"
        "Examples:\n"
        "  oomlab run --memory-max 256M -- ./server --once          does it fit? what killed it?\n"
        "  oomlab run --memory-max 256M --expect fit -o report.xml -- make check\n"
        "  oomlab run --like web -- ./server                        in the limits of the container web\n"
        "  oomlab run --like inspect.json -- ./server               what docker inspect web printed on another "
        "machine\n"
        "  oomlab run --backend vm --kernel 6.1 --memory-max 64M -- python3 -c 'x=bytearray(200<<20)'",
    .run = run_command,
};

}  // namespace cli::commands

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/report.h"

namespace cli::commands {
namespace {

int run_list(const Invocation& invocation);

}  // namespace

constinit extern const Command list{
    .summary = "what there is: workloads, diagnosis rules, output formats",
    .usage = "[NAME]",
    .details = {},
    .run = run_list,
};

namespace {

int run_list(const Invocation& invocation) {
  Options options;
  const auto parsed = options.parse(invocation.name, list, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  return parsed->done ? 0 : print("workloads:\n");
}

}  // namespace
}  // namespace cli::commands

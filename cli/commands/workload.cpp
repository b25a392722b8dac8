// The child's side of `stress`: runs a workload in this very process, inside the cgroup that the parent made. Refuses
// to run where nothing limits it.
#include "stress/workload.h"

#include <map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/in_place.h"
#include "cli/report.h"

namespace cli::commands {

extern const Command workload;

namespace {

int workload_command(const Invocation& invocation) {
  const auto table = stress::all_workloads();
  const auto* found =
      invocation.arguments.empty() ? nullptr : base::find_descriptor(table, invocation.arguments.front());
  if (found == nullptr) {
    return report({.kind = base::ErrorKind::usage, .message = "workload: no such workload"});
  }
  std::map<std::string, std::string> given;
  for (std::size_t i = 1; i < invocation.arguments.size(); ++i) {
    const std::string_view word = invocation.arguments[i];
    const auto at = word.find('=');
    if (!word.starts_with("--") || at == std::string_view::npos) {
      return report({.kind = base::ErrorKind::usage,
                     .message = fmt::format("{}: not --NAME=VALUE", base::escape_terminal(word))});
    }
    given[std::string(word.substr(2, at - 2))] = word.substr(at + 1);
  }
  const auto cap_word = given.extract("cap");
  const auto cap = cap_word.empty() ? base::Result<std::uint64_t>(0) : base::parse_size(cap_word.mapped());
  if (!cap) {
    return report(cap.error());
  }
  auto parameters = stress::Parameters::check((*found)->parameters, given);
  if (!parameters) {
    return report(parameters.error());
  }
  return run_in_place(*found, *std::move(parameters), *cap);
}

}  // namespace

constinit const Command workload{
    .summary = "runs a workload in this process (started by stress)",
    .usage = "NAME [--cap=BYTES] [--NAME=VALUE]...",
    .details = {},
    .run = workload_command,
    .hidden = true,
};

}  // namespace cli::commands

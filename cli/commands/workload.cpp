// The child's side of `stress`: runs a workload in this very process, inside the cgroup that the parent made.
#include "stress/workload.h"

#include <climits>
#include <map>
#include <optional>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/in_place.h"
#include "cli/meter.h"
#include "cli/observations.h"
#include "cli/report.h"

namespace cli::commands {

extern const Command workload;

namespace {

// The words after the name: ours ("cap", "report", "shared") and the workload's own parameters.
struct Words {
  std::uint64_t cap_bytes = 0;
  std::optional<int> report_fd;
  bool is_shared = false;  // others are charged to the same cgroup: its counters say nothing of us alone
  std::map<std::string, std::string> parameters;
};

base::Result<Words> parse_words(const std::vector<std::string>& arguments) {
  Words words;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    const auto at = word.find('=');
    if (!word.starts_with("--") || at == std::string_view::npos) {
      return base::fail(base::ErrorKind::usage, fmt::format("{}: not --NAME=VALUE", base::escape_terminal(word)));
    }
    words.parameters[std::string(word.substr(2, at - 2))] = word.substr(at + 1);
  }
  if (const auto cap = words.parameters.extract("cap")) {
    TRY_ASSIGN(words.cap_bytes, base::parse_size(cap.mapped()));
  }
  if (const auto report = words.parameters.extract("report")) {
    TRY_ASSIGN(const auto number, base::parse_size(report.mapped()));
    words.report_fd = static_cast<int>(std::min<std::uint64_t>(number, INT_MAX));
  }
  if (const auto shared = words.parameters.extract("shared")) {
    words.is_shared = shared.mapped() == "yes";
  }
  return words;
}

int workload_command(const Invocation& invocation) {
  const auto table = stress::all_workloads();
  const auto* found =
      invocation.arguments.empty() ? nullptr : base::find_descriptor(table, invocation.arguments.front());
  if (found == nullptr) {
    return report({.kind = base::ErrorKind::usage, .message = "workload: no such workload"});
  }
  auto words = parse_words(invocation.arguments);
  if (!words) {
    return report(words.error());
  }
  auto parameters = stress::Parameters::check((*found)->parameters, words->parameters);
  if (!parameters) {
    return report(parameters.error());
  }
  stress::Context context{.parameters = std::move(*parameters), .cap_bytes = words->cap_bytes};
  if (!words->is_shared) {
    context.meter = own_meter();
  }
  if (words->report_fd) {
    context.observe = observe_to(*words->report_fd);
  }
  return run_in_place(*found, std::move(context));
}

}  // namespace

constinit const Command workload{
    .summary = "runs a workload in this process (started by stress)",
    .usage = "NAME [--cap=BYTES] [--report=FD] [--shared=yes] [--NAME=VALUE]...",
    .details = {},
    .run = workload_command,
    .hidden = true,
};

}  // namespace cli::commands

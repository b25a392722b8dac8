// The supervisor's side of `run --fault`: runs a command whose system calls fail by a plan, in the cgroup that the
// parent made, and ends as the command does.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"
#include "stress/child.h"
#include "stress/fault.h"

namespace cli::commands {

extern const Command faulted;

namespace {

constexpr int kForwarded[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

// Kept back here, so that they can be read and passed on; the command gets them as they were.
sigset_t hold_signals() {
  sigset_t ours;
  sigset_t before;
  sigemptyset(&ours);
  for (const int signal : kForwarded) {
    sigaddset(&ours, signal);
  }
  (void)::pthread_sigmask(SIG_BLOCK, &ours, &before);  // cannot fail with these arguments
  return before;
}

int execute(const std::vector<std::string>& words, const sigset_t& mask) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (const auto& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));  // exec does not write to them
  }
  arguments.push_back(nullptr);
  (void)std::signal(SIGPIPE, SIG_DFL);
  (void)::pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  (void)::execvp(arguments[0], arguments.data());
  const int error = errno;
  say(error == ENOENT ? fmt::format("{}: not found", base::escape_terminal(words[0]))
                      : fmt::format("{}: {}", base::escape_terminal(words[0]), std::strerror(error)));
  return error == ENOENT ? 127 : 126;
}

int faulted_command(const Invocation& invocation) {
  Options table;
  std::optional<std::string> text;
  table.text("faults", text, "PLAN", "which calls fail");
  const auto parsed = table.parse(invocation.name, faulted, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (!text || parsed->after_dashes.empty()) {
    return report({.kind = base::ErrorKind::usage, .message = "faulted: needs --faults and a command"});
  }
  auto faults = stress::parse_faults(*text);
  if (!faults) {
    return report(faults.error());
  }
  stress::FaultPlan plan(std::move(*faults));
  const auto before = hold_signals();
  auto child = stress::Intercepted::start(plan.calls(), [&] { return execute(parsed->after_dashes, before); });
  if (!child) {
    return report(child.error());
  }
  const auto status = child->serve([&plan](const stress::Call& call) { return plan.decide(call); }, -1, {}, kForwarded);
  if (!status) {
    return report(status.error());
  }
  if (plan.failed() == 0 && plan.counted() > 0) {
    say(fmt::format("--fault: none of the {} calls came to fail", plan.counted()));
  }
  stress::end_like(*status);
  return status->shell_code();
}

}  // namespace

constinit const Command faulted{
    .summary = "runs a command whose system calls fail by a plan (started by run --fault)",
    .usage = "--faults=PLAN -- CMD [ARG...]",
    .details = {},
    .run = faulted_command,
    .hidden = true,
};

}  // namespace cli::commands

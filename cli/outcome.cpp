#include "cli/outcome.h"

#include <csignal>

#include <fmt/format.h>

#include "base/bytes.h"

namespace cli {
namespace {

// Processes that memory.events counts as killed. A group kill counts its first victim twice (mm/oom_kill.c: once as the
// victim, once as a member of the group).
std::optional<std::uint64_t> processes_killed(const std::optional<cgroup::MemoryEvents>& events) {
  if (!events || !events->oom_kill) {
    return std::nullopt;
  }
  const std::uint64_t doubled = std::min(events->oom_group_kill.value_or(0), *events->oom_kill);
  return *events->oom_kill - doubled;
}

std::string verdict_of(const Witnesses& witnesses, bool killed) {
  if (!witnesses.not_started.empty()) {
    return "not_started";
  }
  if (killed) {
    return "oom_killed";
  }
  switch (witnesses.stop) {
    case Stop::timed_out:
      return "timed_out";
    case Stop::thrashing:
      return "thrashing";
    case Stop::interrupted:
      return "interrupted";
    case Stop::none:
      break;
  }
  if (witnesses.status.signal) {
    return "signaled";
  }
  return witnesses.status.exit_code == 0 ? "completed" : "failed";
}

// One sentence where the plain facts could mislead.
std::optional<std::string> reason_of(const Witnesses& witnesses, std::uint64_t counted, std::uint64_t logged,
                                     bool killed) {
  const auto& status = witnesses.status;
  if (!witnesses.not_started.empty()) {
    return witnesses.not_started;
  }
  if (killed && status.signal != SIGKILL) {
    return fmt::format("a process of the group was OOM killed, but the command itself {}",
                       status.signal ? fmt::format("ended by {}", base::signal_name(*status.signal))
                                     : fmt::format("ended with exit {}", status.exit_code.value_or(0)));
  }
  if (killed && witnesses.logged_kills && logged < counted) {
    return fmt::format("memory.events counts {} killed, the kernel log shows {}: lines were rate-limited or lost",
                       counted, logged);
  }
  if (killed && witnesses.events && counted == 0) {
    return "the kernel log shows the kill, memory.events does not count it";
  }
  if (killed) {
    return std::nullopt;
  }
  if (witnesses.logged_panic) {
    return "the kernel panicked";
  }
  if (witnesses.stop == Stop::timed_out) {
    constexpr double kMuch = 0.2;
    return fmt::format("its time was over; oomlab killed it{}",
                       witnesses.stalled_share < kMuch
                           ? ""
                           : fmt::format(": for {:.0f} % of it all of its processes stood still, waiting for memory",
                                         witnesses.stalled_share * 100));
  }
  if (witnesses.stop == Stop::thrashing) {
    return "it stalled at its limit without being killed (memory pressure full, no progress); oomlab killed it";
  }
  if (witnesses.stop == Stop::interrupted) {
    return "oomlab was told to end it";
  }
  if (status.signal == SIGKILL || status.exit_code == 128 + SIGKILL) {
    return "not an OOM kill: memory.events counts none; someone else sent SIGKILL or the command exited like that";
  }
  return std::nullopt;
}

}  // namespace

forensics::Outcome judge(const Witnesses& witnesses) {
  const auto counted = processes_killed(witnesses.events);
  const std::uint64_t logged = witnesses.logged_kills.value_or(0);
  const bool killed = counted.value_or(0) > 0 || logged > 0;

  forensics::Outcome outcome;
  outcome.verdict = verdict_of(witnesses, killed);
  outcome.exit_code = witnesses.status.exit_code;
  outcome.signal = witnesses.status.signal;
  outcome.oom_kills = counted;
  outcome.reason = reason_of(witnesses, counted.value_or(0), logged, killed);
  if (outcome.verdict == "not_started") {
    outcome.exit_code = witnesses.not_started_code;
    outcome.evidence.emplace_back("wait_status");
    return outcome;
  }
  // A witness is named when what it says agrees with the verdict.
  if (counted && (*counted > 0) == killed) {
    outcome.evidence.emplace_back("memory.events");
  }
  if (witnesses.logged_kills && (logged > 0) == killed) {
    outcome.evidence.emplace_back("kernel_log");
  }
  const bool own_status_tells = !killed || witnesses.status.signal == SIGKILL;
  if (own_status_tells && (witnesses.status.signal || witnesses.status.exit_code)) {
    outcome.evidence.emplace_back("wait_status");
  }
  return outcome;
}

forensics::Expectation check_expectation(const std::string& expect, std::optional<std::uint64_t> max_peak_bytes,
                                         const forensics::Run& run) {
  forensics::Expectation expectation{.expect = expect};
  const auto& outcome = run.outcome;
  if (expect == "oom") {
    expectation.met = outcome.verdict == "oom_killed";
    expectation.reason = expectation.met ? "a process was OOM killed"
                                         : fmt::format("no process was OOM killed: the command is {}", outcome.verdict);
    return expectation;
  }
  const auto& peak = run.memory.peak_bytes;
  if (outcome.verdict != "completed") {
    expectation.reason = fmt::format("the command is {}{}", outcome.verdict,
                                     outcome.exit_code ? fmt::format(" with exit {}", *outcome.exit_code) : "");
  } else if (max_peak_bytes && !peak) {
    expectation.reason = "this kernel does not tell the peak (memory.peak needs 5.19)";
  } else if (max_peak_bytes && *peak > *max_peak_bytes) {
    expectation.reason =
        fmt::format("the peak of {} is above {}", base::human_size(*peak), base::human_size(*max_peak_bytes));
  } else {
    expectation.met = true;
    expectation.reason = peak ? fmt::format("it completed with a peak of {}", base::human_size(*peak)) : "it completed";
  }
  return expectation;
}

}  // namespace cli

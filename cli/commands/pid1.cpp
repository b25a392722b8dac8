// The first process of a container of compose/compose.yaml that is more than one workload: a supervisor with children,
// or one that only waits or ends. A container has no shell for it.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <map>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/in_place.h"
#include "cli/report.h"

namespace cli::commands {

extern const Command pid1;

namespace {

// "adj=800 anon --size=20M --hold=forever"
struct Member {
  std::optional<int> oom_score_adj;
  const base::Descriptor<stress::Workload>* workload = nullptr;
  stress::Parameters parameters;
  std::uint64_t cap_bytes = 0;
};

base::Result<Member> parse_member(std::span<const std::string> words) {
  Member member;
  constexpr std::string_view kScore = "adj=";
  if (!words.empty() && words.front().starts_with(kScore)) {
    const auto text = std::string_view(words.front()).substr(kScore.size());
    int score = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), score);
    if (error != std::errc{} || stop != text.data() + text.size() || score < -1000 || score > 1000) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("'{}' is not an oom_score_adj: -1000 to 1000", base::escape_terminal(text)));
    }
    member.oom_score_adj = score;
    words = words.subspan(1);
  }
  const auto table = stress::all_workloads();
  member.workload = words.empty() ? nullptr : base::find_descriptor(table, words.front());
  if (member.workload == nullptr) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("'{}' is not a workload", words.empty() ? "" : base::escape_terminal(words.front())),
                      "oomlab list shows them");
  }
  std::map<std::string, std::string> given;
  for (const std::string_view word : words.subspan(1)) {
    const auto at = word.find('=');
    if (!word.starts_with("--") || at == std::string_view::npos) {
      return base::fail(base::ErrorKind::usage, fmt::format("{}: not --NAME=VALUE", base::escape_terminal(word)));
    }
    given[std::string(word.substr(2, at - 2))] = word.substr(at + 1);
  }
  TRY_ASSIGN(member.parameters, stress::Parameters::check((*member.workload)->parameters, given));
  TRY_ASSIGN(member.cap_bytes, cap_in_place(member.parameters));
  return member;
}

// Members stand behind "--", one from another apart.
base::Result<std::vector<Member>> parse_members(std::span<const std::string> words) {
  std::vector<Member> members;
  while (!words.empty()) {
    const auto end = static_cast<std::size_t>(std::ranges::find(words, "--") - words.begin());
    TRY_ASSIGN(auto member, parse_member(words.first(end)));
    members.push_back(std::move(member));
    words = words.subspan(std::min(end + 1, words.size()));
  }
  return members;
}

[[noreturn]] void become(const Member& member) {
  if (member.oom_score_adj) {
    const base::Fd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    if (const auto written = base::write_all(fd.get(), fmt::format("{}", *member.oom_score_adj)); !written) {
      (void)report(base::Error(written.error()).context("oom_score_adj"));
      ::_exit(kExitCannot);
    }
  }
  // Others are charged to the same cgroup: its counters say nothing of this one alone, so there is no meter.
  ::_exit(run_in_place(*member.workload, {.parameters = member.parameters, .cap_bytes = member.cap_bytes}));
}

// Until the first of them is killed, or all have ended.
void wait_for_children() {
  int status = 0;
  while (true) {
    const pid_t pid = ::waitpid(-1, &status, 0);
    if (pid < 0 && errno == EINTR) {
      continue;
    }
    if (pid < 0) {
      return;
    }
    if (WIFSIGNALED(status)) {
      say(fmt::format("process {} was killed by signal {}; the first process lives on", pid, WTERMSIG(status)));
      return;
    }
  }
}

int pid1_command(const Invocation& invocation) {
  std::optional<std::int64_t> code;
  bool hold = false;
  Options table;
  table.integer("exit", code, 0, 255, "exit status at the end (default 0)");
  table.flag("hold", hold, "wait for a signal that kills");
  const auto parsed = table.parse(invocation.name, pid1, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  const auto members = parse_members(parsed->after_dashes);
  if (!members) {
    return report(members.error());
  }
  for (const auto& member : *members) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      become(member);
    }
    if (pid < 0) {
      return report(base::system_error("fork").error());
    }
  }
  wait_for_children();
  while (hold && ::pause() < 0) {  // which returns after a signal that has a handler, and there is none
  }
  return static_cast<int>(code.value_or(0));
}

}  // namespace

constinit const Command pid1{
    .summary = "first process of a container (compose/compose.yaml)",
    .usage = "[--exit N] [--hold] [-- [adj=N] WORKLOAD [--NAME=VALUE]...]...",
    .details = {},
    .run = pid1_command,
    .hidden = true,
};

}  // namespace cli::commands

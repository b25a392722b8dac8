#include "cli/unlimited.h"

#include <sys/utsname.h>

#include <csignal>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "base/scanner.h"
#include "cgroup/spawn.h"
#include "cli/observations.h"
#include "cli/outcome.h"

// NOLINTNEXTLINE(readability-redundant-declaration,cppcoreguidelines-avoid-non-const-global-variables): environ(7)
extern char** environ;

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kLongest{60};

// "MemAvailable:   123 kB" of /proc/meminfo (proc(5)).
base::Result<std::uint64_t> available_memory() {
  TRY_ASSIGN(const auto text, base::read_all("/proc/meminfo"));
  base::Scanner in(text);
  if (in.until("MemAvailable:")) {
    in.skip_blanks();
    if (const auto kilobytes = in.number<std::uint64_t>()) {
      return *kilobytes * 1024;
    }
  }
  return base::fail(base::ErrorKind::parse, "/proc/meminfo: no MemAvailable");
}

base::Result<> refuse_too_much(std::optional<std::uint64_t> size_bytes) {
  if (!size_bytes) {
    return base::fail(base::ErrorKind::usage, "--no-limit: needs --size, nothing else would stop it");
  }
  TRY_ASSIGN(const auto available, available_memory());
  if (*size_bytes > available / 2) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("--no-limit: --size {} is more than half of the {} that are available",
                                  base::human_size(*size_bytes), base::human_size(available)),
                      "a smaller --size, or limits, or --backend vm");
  }
  return {};
}

// Waits for the child's end: by itself, by a signal that is passed on, or by time.
base::Result<Stop> watch(const cgroup::Spawned& child, Observations& observations, std::chrono::nanoseconds longest) {
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  TRY_ASSIGN(const auto signals, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}));
  Stop stop = Stop::none;
  const auto end = [&](Stop why, int signal) {
    stop = stop == Stop::none ? why : stop;
    (void)::kill(child.pid, signal);  // it may be gone already
  };
  TRY(loop.watch(child.pidfd.get(), EPOLLIN, [&loop](auto) { loop.stop(); }));
  TRY(loop.watch(signals.get(), EPOLLIN, [&](auto) {
    while (const auto signal = base::read_signal(signals.get())) {
      const bool is_cue = *signal == SIGUSR1 || *signal == SIGUSR2;
      end(is_cue ? Stop::none : Stop::interrupted, is_cue || stop == Stop::none ? *signal : SIGKILL);
    }
  }));
  TRY(loop.watch(observations.fd(), EPOLLIN, [&](std::uint32_t events) {
    observations.drain();
    if ((events & EPOLLIN) == 0) {
      loop.unwatch(observations.fd());
    }
  }));
  loop.at(Clock::now() + longest, [&] { end(Stop::timed_out, SIGKILL); });
  TRY(loop.run());
  return stop;
}

forensics::Postmortem document_of(const Experiment& experiment) {
  forensics::Postmortem document;
  auto& run = document.run.emplace();
  run.workload = experiment.workload;
  utsname name{};
  if (::uname(&name) == 0) {
    run.kernel = name.release;
  }
  return document;
}

}  // namespace

base::Result<forensics::Postmortem> run_unlimited(const Experiment& experiment,
                                                  std::optional<std::uint64_t> size_bytes) {
  TRY(refuse_too_much(size_bytes));
  TRY_ASSIGN(auto observations, Observations::create());
  cgroup::SpawnRequest request{.argv = experiment.command,
                               .oom_score_adj = experiment.oom_score_adj.value_or(1000),  // the first to go
                               .inherited_fd = observations.child_fd(),
                               .held_back = {SIGUSR1, SIGUSR2}};
  request.argv.push_back(fmt::format("--report={}", observations.child_fd()));
  request.argv.emplace_back("--shared=yes");  // the cgroup that we happen to be in
  for (char** variable = environ; *variable != nullptr; ++variable) {
    request.environment.emplace_back(*variable);
  }
  auto document = document_of(experiment);
  auto& run = *document.run;
  const auto start = Clock::now();
  TRY_ASSIGN(const auto child, cgroup::spawn(request, nullptr));
  observations.close_child_end();
  run.pid = child.pid;
  Witnesses witnesses;
  TRY_ASSIGN(witnesses.stop, watch(child, observations, experiment.timeout.value_or(kLongest)));
  TRY_ASSIGN(witnesses.status, cgroup::wait(child));
  run.duration_s = std::chrono::duration<double>(Clock::now() - start).count();
  observations.drain();
  run.workload->observations = observations.all();
  run.outcome = judge(witnesses);
  return document;
}

}  // namespace cli

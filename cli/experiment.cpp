#include "cli/experiment.h"

#include <algorithm>
#include <csignal>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/event_loop.h"
#include "cgroup/delegation.h"
#include "cgroup/group.h"
#include "cgroup/parse.h"
#include "cgroup/recorder.h"
#include "cgroup/spawn.h"
#include "cli/concerns.h"
#include "cli/kernel_log.h"
#include "cli/kernel_reading.h"
#include "cli/kill_counts.h"
#include "cli/observations.h"
#include "cli/outcome.h"
#include "cli/progress.h"
#include "cli/stall.h"
#include "cli/supervisor.h"
#include "forensics/analysis.h"
#include "forensics/episodes.h"

namespace cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kGrace{5};  // between a forwarded signal and the kill
constexpr std::chrono::seconds kRemoveTimeout{10};
constexpr std::chrono::seconds kGroupKillTime{1};
constexpr std::size_t kTimelineRows = 2048;

forensics::RunLimits run_limits(const cgroup::Limits& limits) {
  const auto bytes = [](const std::optional<cgroup::Limit>& limit) { return limit ? limit->bytes : std::nullopt; };
  return {.memory_max_bytes = bytes(limits.memory_max),
          .memory_high_bytes = bytes(limits.memory_high),
          .memory_min_bytes = bytes(limits.memory_min),
          .memory_low_bytes = bytes(limits.memory_low),
          .memory_swap_max_bytes = bytes(limits.swap_max),
          .zswap_max_bytes = bytes(limits.zswap_max),
          .pids_max = bytes(limits.pids_max),
          .oom_group = limits.oom_group};
}

std::optional<double> seconds(const std::optional<cgroup::PressureLine>& line) {
  return line ? std::optional(std::chrono::duration<double>(line->total).count()) : std::nullopt;
}

// Watches one command until it has ended, by itself or by us.
class Supervision {
 public:
  Supervision(const Experiment& experiment, cgroup::Group& group, cgroup::Recorder& recorder,
              std::optional<KernelLog>& log, base::EventLoop loop)
      : experiment_(experiment), group_(group), recorder_(recorder), log_(log), loop_(std::move(loop)) {}

  base::Result<> watch(const cgroup::Spawned& child, std::optional<Observations>& observations);  // once
  [[nodiscard]] Stop stop() const { return stop_; }

 private:
  void end(Stop why);
  void on_signal(int signal, pid_t child);
  void tick(Progress& progress);

  const Experiment& experiment_;
  cgroup::Group& group_;
  cgroup::Recorder& recorder_;
  std::optional<KernelLog>& log_;
  base::EventLoop loop_;
  Stop stop_ = Stop::none;
  Clock::time_point start_ = Clock::now();
  unsigned sample_skip_ = 0;
};

void Supervision::end(Stop why) {
  if (stop_ == Stop::none) {
    stop_ = why;
  }
  (void)group_.kill();  // what is left is killed again when the group is removed
}

// The first signal is passed on, so that the command may clean up; a second one, or the end of its grace, kills. The
// two that a user may define are the command's own affair: workloads pause and resume by them.
void Supervision::on_signal(int signal, pid_t child) {
  if (signal == SIGUSR1 || signal == SIGUSR2) {
    (void)::kill(child, signal);  // it may be gone already
    return;
  }
  if (stop_ == Stop::interrupted) {
    end(Stop::interrupted);
    return;
  }
  stop_ = Stop::interrupted;
  (void)::kill(child, signal);  // it may be gone already
  loop_.at(Clock::now() + kGrace, [this] { end(Stop::interrupted); });
}

void Supervision::tick(Progress& progress) {
  // The ring halves its resolution when it is full; then every second tick is enough.
  if (++sample_skip_ >= recorder_.interval_factor()) {
    sample_skip_ = 0;
    recorder_.sample();
  }
  progress.update();
}

base::Result<> Supervision::watch(const cgroup::Spawned& child, std::optional<Observations>& observations) {
  TRY_ASSIGN(const auto signals, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2}));
  Progress progress(experiment_.progress, group_.dir(), group_.limits());
  StallDetector stall(group_.dir(), group_.limits(), experiment_.thrash_timeout);

  TRY(loop_.watch(child.pidfd.get(), EPOLLIN, [this](auto) { loop_.stop(); }));
  TRY(loop_.watch(signals.get(), EPOLLIN, [this, &signals, &child](auto) {
    while (const auto signal = base::read_signal(signals.get())) {
      on_signal(*signal, child.pid);
    }
  }));
  TRY(loop_.watch(recorder_.event_fd(), EPOLLIN, [this](auto) { (void)recorder_.on_event(); }));
  if (log_) {
    TRY(loop_.watch(log_->fd(), EPOLLIN, [this](auto) { log_->drain(); }));
  }
  if (observations) {
    TRY(loop_.watch(observations->fd(), EPOLLIN, [this, &observations](std::uint32_t events) {
      observations->drain();
      if ((events & EPOLLIN) == 0) {
        loop_.unwatch(observations->fd());  // hung up, and it would say so for ever
      }
    }));
  }
  loop_.every(experiment_.sample_period, [this, &progress] { tick(progress); });
  loop_.every(StallDetector::kPeriod, [this, &stall] {
    if (stall.stalled()) {
      end(Stop::thrashing);
    }
  });
  if (experiment_.timeout) {
    loop_.at(start_ + *experiment_.timeout, [this] { end(Stop::timed_out); });
  }
  const auto ran = loop_.run();
  progress.clear();
  return ran;
}

cgroup::SpawnRequest spawn_request(const Experiment& experiment, std::optional<int> score,
                                   const std::optional<Observations>& observations) {
  cgroup::SpawnRequest request{.argv = experiment.command,
                               .working_folder = experiment.working_folder,
                               .root = experiment.workload ? std::nullopt : experiment.root,
                               .uid = experiment.workload ? std::nullopt : experiment.uid,
                               .gid = experiment.workload ? std::nullopt : experiment.gid,
                               .shm_bytes = experiment.shm_bytes,
                               .oom_score_adj = experiment.oom_score_adj ? experiment.oom_score_adj : score};
  request.environment = command_environment();
  if (experiment.workload) {
    request.working_folder.reset();
    request.held_back = {SIGUSR1, SIGUSR2};  // until it has said what they do
  }
  if (!experiment.faults.empty()) {
    const std::vector<std::string> wrapper = {"/proc/self/exe", "faulted", "--faults=" + experiment.faults, "--"};
    request.argv.insert(request.argv.begin(), wrapper.begin(), wrapper.end());
  }
  if (observations) {
    request.inherited_fd = observations->child_fd();
    request.argv.push_back(fmt::format("--report={}", request.inherited_fd));
  }
  return request;
}

void read_memory(const cgroup::Group& group, const cgroup::Recorder& recorder, forensics::Run& run) {
  const auto& dir = group.dir();
  auto& memory = run.memory;
  if (const auto together = dir.value("memory.oom.group", cgroup::parse_count)) {
    run.limits.oom_group = *together != 0;
  }
  memory.peak_bytes = dir.value("memory.peak", cgroup::parse_count);
  memory.swap_peak_bytes = dir.value("memory.swap.peak", cgroup::parse_count);
  const auto events = dir.value("memory.events", cgroup::parse_memory_events);
  memory.events = events ? events : std::optional(recorder.events());
  memory.events_local = dir.value("memory.events.local", cgroup::parse_memory_events);
  memory.swap_events = dir.value("memory.swap.events", cgroup::parse_swap_events);
  memory.stat_at_peak = recorder.stat_at_peak();
  if (const auto cpu = dir.value("cpu.stat", cgroup::parse_counters)) {
    const auto usage = cgroup::find(*cpu, "usage_usec");
    run.cpu_s = usage ? std::optional(static_cast<double>(*usage) / 1e6) : std::nullopt;
  }
  if (const auto pressure = dir.value("memory.pressure", cgroup::parse_pressure)) {
    memory.pressure_some_total_s = seconds(pressure->some);
    memory.pressure_full_total_s = seconds(pressure->full);
  }
}

void warn_about_counts(const forensics::Postmortem& document, const Witnesses& witnesses,
                       std::vector<forensics::Warning>& warnings) {
  const auto counted = document.run->outcome.oom_kills.value_or(0);
  if (witnesses.logged_kills && counted > *witnesses.logged_kills) {
    warnings.push_back({.code = "kill_without_log_line",
                        .message = fmt::format("memory.events counts {} killed, the kernel log shows {}", counted,
                                               *witnesses.logged_kills)});
  }
}

forensics::Run new_run(const Experiment& experiment, const cgroup::Group& group) {
  forensics::Run run;
  run.workload = experiment.workload;
  if (!experiment.workload) {
    run.command = experiment.command;
  }
  if (!experiment.faults.empty()) {
    run.faults = experiment.faults;
  }
  run.kernel = kernel_release();
  run.limits = run_limits(group.limits());
  return run;
}

// Starts the command and watches it to its end.
base::Result<> run_command(const Experiment& experiment, const cgroup::Group& group, Supervision& supervision,
                           Witnesses& witnesses, forensics::Run& run) {
  std::optional<Observations> observations;
  if (experiment.workload) {
    TRY_ASSIGN(observations, Observations::create());
  }
  const auto child =
      cgroup::spawn(spawn_request(experiment, protect_supervisor(experiment.in_guest), observations), &group);
  if (!child) {
    if (child.error().kind != base::ErrorKind::usage) {
      return std::unexpected(child.error());
    }
    witnesses.not_started = child.error().message;
    witnesses.not_started_code = child.error().sys_errno == ENOENT ? 127 : 126;
    return {};
  }
  run.pid = child->pid;
  if (observations) {
    observations->close_child_end();
  }
  TRY(supervision.watch(*child, observations));
  TRY_ASSIGN(witnesses.status, cgroup::wait(*child));
  if (observations) {
    observations->drain();
    run.workload->observations = observations->all();
  }
  witnesses.stop = supervision.stop();
  return {};
}

// Ends what the command left behind, so that the counters are final.
void end_rest(const Experiment& experiment, const cgroup::Group& group, const Witnesses& witnesses) {
  if (experiment.limits.oom_group == true && witnesses.status.signal == SIGKILL) {
    // A group kill goes from process to process: it must not be overtaken by ours.
    (void)group.wait_empty(kGroupKillTime);
  }
  if (group.wait_empty({})) {
    return;
  }
  (void)group.kill();  // what is left then is told when the group is removed
  (void)group.wait_empty(kRemoveTimeout);
}

// Outcome, timeline and explanation from the run's witnesses and the kernel's incidents.
void conclude(forensics::Postmortem& document, Witnesses& witnesses, const std::string& group_path,
              Clock::time_point start) {
  auto& run = *document.run;
  witnesses.events = run.memory.events;
  if (run.duration_s > 0) {
    witnesses.stalled_share = run.memory.pressure_full_total_s.value_or(0) / run.duration_s;
  }
  run.outcome = judge(witnesses);
  warn_about_counts(document, witnesses, document.warnings);
  for (auto& incident : document.incidents) {
    if (incident.cgroup && incident.cgroup->oom_memcg && within_group(*incident.cgroup->oom_memcg, group_path)) {
      add_kernel_reading(run.timeline, incident, start);
    }
    forensics::explain(incident, &run);
  }
  document.episodes = forensics::find_episodes(document.incidents);
}

}  // namespace

base::Result<forensics::Postmortem> run_here(const Experiment& experiment, const cgroup::Delegation& delegation) {
  TRY(refuse_to_panic(experiment.in_guest));
  TRY_ASSIGN(const auto parent, cgroup::make_ready(delegation));
  TRY(cgroup::sweep(parent));

  forensics::Postmortem document;
  auto log = open_kernel_log(document.warnings);
  KillCounts counts;
  TRY_ASSIGN(auto group,
             cgroup::Group::create(parent, experiment.workload ? experiment.workload->name : "run", experiment.limits));
  TRY_ASSIGN(const auto guard, cgroup::Guard::start(group));
  TRY_ASSIGN(auto recorder, cgroup::Recorder::create(group.dir(), kTimelineRows));
  TRY_ASSIGN(auto loop, base::EventLoop::create());

  Witnesses witnesses;
  auto& run = document.run.emplace(new_run(experiment, group));
  Supervision supervision(experiment, group, recorder, log, std::move(loop));
  const auto start = Clock::now();
  recorder.sample();
  TRY(run_command(experiment, group, supervision, witnesses, run));
  recorder.sample();
  run.duration_s = std::chrono::duration<double>(Clock::now() - start).count();
  end_rest(experiment, group, witnesses);
  read_memory(group, recorder, run);
  run.timeline = recorder.samples();
  TRY_ASSIGN(document.incidents, read_incidents(log, document));
  counts.see_log(document);
  const auto group_path = document.incidents.empty() ? std::string{} : group.kernel_path();
  const auto pid = run.pid.value_or(-1);
  std::erase_if(document.incidents, [&](const auto& incident) { return !concerns(incident, group_path, pid); });
  if (log) {
    witnesses.logged_kills = count_kills(document.incidents, group_path, pid);
  }
  conclude(document, witnesses, group_path, start);
  counts.reconcile(document, group_path, witnesses.logged_kills);
  if (auto removed = group.remove(kRemoveTimeout); !removed) {
    document.warnings.push_back({.code = "cgroup_left", .message = removed.error().message});
  }
  return document;
}

int exit_status(const forensics::Run& run) {
  if (run.expectation) {
    return run.expectation->met ? 0 : 1;
  }
  if (run.vm && run.outcome.verdict == "failed" && !run.outcome.exit_code) {
    return 125;  // the guest's kernel panicked: there is no status of the command's own
  }
  if (run.outcome.verdict == "timed_out" || run.outcome.verdict == "thrashing") {
    return 124;  // as timeout(1)
  }
  return base::ExitStatus{.exit_code = run.outcome.exit_code, .signal = run.outcome.signal}.shell_code();
}

}  // namespace cli

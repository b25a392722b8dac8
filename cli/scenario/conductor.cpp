#include "cli/scenario/conductor.h"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "cgroup/hierarchy.h"
#include "cgroup/parse.h"

namespace cli::scenario {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kRows = 512;  // of a group's timeline
constexpr std::size_t kMostRecorded = 16;
constexpr auto kQuiet = 100ms;  // without an event after the end, so that what belongs to it is over
constexpr auto kLongestSettle = 3s;
constexpr auto kEmptyTimeout = 20s;

bool is_limited(const GroupSpec& group) {
  return std::ranges::any_of(group.settings, [](const Setting& setting) {
    return (setting.file == "memory.max" || setting.file == "memory.high") && setting.value != "max";
  });
}

// "EAGAIN" for the errors that a control file can answer with; the C library has no table of names before 2.32.
std::string error_name(int error) {
  constexpr std::pair<int, const char*> kNames[] = {{EAGAIN, "EAGAIN"}, {EBUSY, "EBUSY"},   {EINVAL, "EINVAL"},
                                                    {EINTR, "EINTR"},   {ENOENT, "ENOENT"}, {ENOMEM, "ENOMEM"},
                                                    {EPERM, "EPERM"},   {EACCES, "EACCES"}, {ESRCH, "ESRCH"},
                                                    {ERANGE, "ERANGE"}, {ENODEV, "ENODEV"}, {EOPNOTSUPP, "EOPNOTSUPP"}};
  for (const auto& [number, name] : kNames) {
    if (number == error) {
      return name;
    }
  }
  return fmt::format("error {}", error);
}

void raise(cgroup::Counters& highest, const std::string& name, std::uint64_t value) {
  const auto found = std::ranges::find(highest, name, [](const auto& row) { return row.first; });
  if (found == highest.end()) {
    highest.emplace_back(name, value);
  } else {
    found->second = std::max(found->second, value);
  }
}

}  // namespace

Conductor::Conductor(const Scenario& scenario, const Stage& stage, Tree& tree, std::optional<KernelLog>& log,
                     base::EventLoop loop)
    : scenario_(scenario),
      stage_(stage),
      tree_(tree),
      log_(log),
      loop_(std::move(loop)),
      cast_(scenario, tree, stage, loop_,
            {.exit =
                 [this] {
                   quiet_since_ = Clock::now();
                   look();
                 },
             .note = [this] { look(); }}),
      end_(scenario.end) {
  for (const auto& mark : scenario.marks) {
    marks_.push_back({.when = Trigger(mark.when), .finding = {.name = mark.name, .t_s = {}, .groups = {}}});
  }
  for (const auto& action : scenario.actions) {
    actions_.push_back({.spec = &action, .when = Trigger(action.when), .finding = {.name = action.name, .t_s = {}}});
  }
}

double Conductor::elapsed_s() const {
  return std::chrono::duration<double>(Clock::now() - begin_).count();
}

// A process that was killed with its group is counted twice (mm/oom_kill.c: once as the victim, once as a member).
std::uint64_t Conductor::count_kills() const {
  std::uint64_t kills = 0;
  const auto add = [&kills](const cgroup::Dir& dir) {
    if (const auto events = dir.value("memory.events", cgroup::parse_memory_events)) {
      kills +=
          events->oom_kill.value_or(0) - std::min(events->oom_kill.value_or(0), events->oom_group_kill.value_or(0));
    }
  };
  add(tree_.top().dir());
  if (kills == 0) {  // mounted with memory_localevents, a group counts only its own
    for (const auto& group : scenario_.groups) {
      add(tree_.dir(group.path));
    }
  }
  return kills;
}

Situation Conductor::situation() {
  Situation now;
  now.elapsed = Clock::now() - begin_;
  now.tasks = cast_.states();
  now.killed = first_kill_s_.has_value();
  for (const auto& action : actions_) {
    if (action.finding.t_s) {
      now.done.insert(action.finding.name);
    }
  }
  now.read = [this](const std::string& group, const Counter& counter) {
    return read_counter(tree_.dir(group), counter);
  };
  return now;
}

void Conductor::note_kills() {
  if (!first_kill_s_ && count_kills() > 0) {
    first_kill_s_ = elapsed_s();
  }
}

void Conductor::note_highest() {
  const auto note = [this](const std::string& group, const Counter& counter) {
    if (const auto value = read_counter(tree_.dir(group), counter)) {
      raise(highest_[group], counter.name(), static_cast<std::uint64_t>(*value));
    }
  };
  for (const auto& watched : scenario_.watched) {
    note(watched.group, watched.counter);
  }
}

void Conductor::take_marks(const Situation& situation) {
  for (auto& mark : marks_) {
    if (!mark.finding.t_s && mark.when.holds(situation)) {
      mark.finding.t_s = elapsed_s();
      for (const auto& group : scenario_.groups) {
        mark.finding.groups.emplace_back(group.path, read_all_counters(tree_.dir(group.path)));
      }
    }
  }
}

std::string Conductor::perform(const ActionSpec& action) {
  const auto& dir = tree_.dir(action.group);
  if (action.task.empty()) {
    const auto written = dir.write(action.setting.file.c_str(), action.setting.value);
    return written ? "ok" : error_name(written.error().sys_errno);
  }
  for (const auto pid : cast_.pids_of(action.task)) {
    if (const auto moved = dir.write("cgroup.procs", fmt::format("{}", pid)); !moved) {
      return error_name(moved.error().sys_errno);
    }
  }
  return "ok";
}

void Conductor::act(const Situation& situation) {
  for (auto& action : actions_) {
    if (!action.finding.t_s && action.when.holds(situation)) {
      action.finding.t_s = elapsed_s();
      action.finding.result = perform(*action.spec);
    }
  }
}

// Everything that conditions decide.
void Conductor::look() {
  if (ending_ == Ending::over) {
    return;
  }
  note_kills();
  note_highest();
  const auto now = situation();
  take_marks(now);
  if (ending_ == Ending::none) {
    act(now);
    if (const auto acted = cast_.act(now, begin_); !acted) {
      error_ = acted.error();
      end_now();
      return;
    }
    if (end_.holds(now)) {
      ending_ = Ending::settling;
      settling_since_ = quiet_since_ = Clock::now();
    }
  }
  settle();
}

// After the end: until nothing has happened for a while, and whoever the kernel killed is gone.
void Conductor::settle() {
  const auto now = Clock::now();
  if (ending_ != Ending::settling || now < quiet_since_ + kQuiet) {
    return;
  }
  if (count_kills() <= cast_.killed() || cast_.all_over() || now > settling_since_ + kLongestSettle) {
    end_now();
  }
}

void Conductor::end_now() {
  ending_ = Ending::over;
  loop_.stop();
}

// A look takes its time, the more the slower the machine is; what is looked at must get on meanwhile, although we come
// first. So at most a tenth of the time goes into looks.
void Conductor::tick() {
  const auto start = Clock::now();
  ++ticks_;
  for (auto& each : recorded_) {
    if (ticks_ % std::max(1U, each.recorder.interval_factor()) == 0) {
      each.recorder.sample();
    }
  }
  look();
  const auto now = Clock::now();
  loop_.at(now + std::max<Clock::duration>(stage_.period, 9 * (now - start)), [this] { tick(); });
}

base::Result<> Conductor::record(const std::string& group, const cgroup::Dir& dir) {
  TRY_ASSIGN(auto recorder, cgroup::Recorder::create(dir, kRows));
  recorded_.push_back({.group = group, .recorder = std::move(recorder)});
  return {};
}

base::Result<> Conductor::watch() {
  TRY(record("", tree_.top().dir()));
  for (const auto& group : scenario_.groups) {
    if (is_limited(group) && recorded_.size() < kMostRecorded) {
      TRY(record(group.path, tree_.dir(group.path)));
    }
  }
  for (auto& each : recorded_) {
    TRY(loop_.watch(each.recorder.event_fd(), EPOLLIN, [this, &each](auto) {
      (void)each.recorder.on_event();
      quiet_since_ = Clock::now();
      look();
    }));
  }
  if (log_) {
    TRY(loop_.watch(log_->fd(), EPOLLIN, [this](auto) { log_->drain(); }));
  }
  loop_.at(begin_ + stage_.period, [this] { tick(); });
  loop_.at(begin_ + scenario_.timeout, [this] {
    if (ending_ == Ending::none) {
      verdict_ = "timed_out";
      reason_ = fmt::format("still waiting: the end for {}{}", scenario_.end.words(), cast_.waiting());
    }
    end_now();
  });
  return {};
}

void Conductor::read_groups(Findings& findings) {
  for (const auto& group : scenario_.groups) {
    auto& finding = findings.groups.emplace_back();
    finding.name = group.path;
    finding.kernel_path = tree_.kernel_path(group.path);
    finding.settings = tree_.settings(group);
    finding.at_end = read_all_counters(tree_.dir(group.path));
    finding.highest = highest_[group.path];
    for (const auto& each : recorded_) {
      if (each.group == group.path) {
        finding.timeline = each.recorder.samples();
      }
    }
  }
}

base::Result<> Conductor::run(Findings& findings) {
  TRY_ASSIGN(const auto signals, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  TRY(loop_.watch(signals.get(), EPOLLIN, [this, &signals](auto) {
    while (base::read_signal(signals.get())) {
      verdict_ = "interrupted";
    }
    end_now();
  }));
  TRY(watch());
  begin_ = Clock::now();
  look();
  if (ending_ != Ending::over) {
    TRY(loop_.run());
  }
  if (error_) {
    return std::unexpected(*error_);
  }
  for (auto& each : recorded_) {
    each.recorder.sample();
  }
  note_kills();
  note_highest();
  read_groups(findings);
  findings.duration_s = elapsed_s();
  findings.first_kill_s = first_kill_s_;
  cast_.note_running();
  (void)tree_.top().kill();  // what is left then is told when the groups are removed
  TRY(tree_.top().wait_empty(kEmptyTimeout));
  TRY(cast_.reap_rest());
  findings.tasks = cast_.findings();
  for (const auto& mark : marks_) {
    findings.marks.push_back(mark.finding);
  }
  for (const auto& action : actions_) {
    findings.actions.push_back(action.finding);
  }
  findings.reason = reason_;
  findings.verdict = verdict_;  // empty: it follows from the rest
  return {};
}

}  // namespace cli::scenario

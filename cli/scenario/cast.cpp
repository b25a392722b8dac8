#include "cli/scenario/cast.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "cgroup/parse.h"
#include "cli/in_place.h"
#include "cli/supervisor.h"
#include "stress/workload.h"

namespace cli::scenario {
namespace {

// What the groups from the task's up to the top allow together, and some more: a fill that gets that far is not
// limited. 0 where nothing limits it.
std::uint64_t cap_for(const TaskSpec& task, const Scenario& scenario) {
  std::optional<std::uint64_t> memory;
  std::optional<std::uint64_t> swap;
  for (const auto& group : scenario.groups) {
    if (task.group != group.path && !task.group.starts_with(group.path + "/")) {
      continue;
    }
    for (const auto& setting : group.settings) {
      const auto limit = cgroup::parse_limit(setting.value);
      if (limit && limit->bytes && setting.file == "memory.max") {
        memory = std::min(memory.value_or(*limit->bytes), *limit->bytes);
      } else if (limit && limit->bytes && setting.file == "memory.swap.max") {
        swap = std::min(swap.value_or(*limit->bytes), *limit->bytes);
      }
    }
  }
  return memory && swap ? cap_above(*memory, *swap) : 0;
}

}  // namespace

Cast::Part::Part(const TaskSpec& task) : spec(&task), start(task.start) {
  if (task.stop) {
    stop.emplace(*task.stop);
  }
  for (const auto& signal : task.signals) {
    signals.emplace_back(signal.when);
  }
}

Cast::Cast(const Scenario& scenario, const Tree& tree, const Stage& stage, base::EventLoop& loop, Callbacks on)
    : scenario_(scenario),
      tree_(tree),
      stage_(stage),
      loop_(loop),
      on_(std::move(on)),
      own_score_(protect_supervisor(stage.in_guest)) {
  for (const auto& task : scenario.tasks) {
    auto& part = parts_.emplace_back(task);
    for (unsigned copy = 1; copy <= task.count; ++copy) {
      auto& player = players_.emplace_back();
      player.spec = &task;
      player.finding.name = task.name;
      player.finding.copy = copy;
      player.finding.group = task.group;
      part.players.push_back(&player);
    }
  }
}

// The counters of a cgroup tell a workload of itself only when nobody else is charged there.
bool Cast::is_alone(const TaskSpec& task) const {
  return task.count == 1 && std::ranges::count(scenario_.tasks, task.group, &TaskSpec::group) == 1;
}

cgroup::SpawnRequest Cast::request_for(const Player& player) const {
  const auto& task = *player.spec;
  cgroup::SpawnRequest request{.argv = task.command,
                               .environment = command_environment(),
                               .oom_score_adj = task.oom_score_adj ? task.oom_score_adj : own_score_,
                               .stdout_fd = STDERR_FILENO};  // standard output is ours
  for (const auto& limit : task.resource_limits) {
    request.resource_limits.push_back({.resource = limit.resource, .value = limit.value});
  }
  if (task.workload.empty()) {
    request.root = stage_.root;
    request.working_folder = stage_.working_folder;
    request.uid = stage_.uid;
    request.gid = stage_.gid;
    return request;
  }
  request.argv = {"/proc/self/exe",
                  "workload",
                  task.workload,
                  fmt::format("--cap={}", cap_for(task, scenario_)),
                  fmt::format("--shared={}", is_alone(task) ? "no" : "yes"),
                  fmt::format("--report={}", player.observations->child_fd())};
  for (const auto& [name, value] : task.parameters) {
    request.argv.push_back(fmt::format("--{}={}", name, value));
  }
  request.inherited_fd = player.observations->child_fd();
  request.held_back = {SIGUSR1, SIGUSR2};  // until it has said what they do
  return request;
}

base::Result<> Cast::start(Player& player, Clock::time_point begin) {
  if (!player.spec->workload.empty()) {
    TRY_ASSIGN(player.observations, Observations::create());
  }
  const base::Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto request = request_for(player);
  request.stdin_fd = nothing.get();
  auto spawned = cgroup::spawn_in(request, tree_.dir(player.spec->group));
  player.finding.started_s = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!spawned) {
    player.state = State::over;
    player.finding.reason = spawned.error().message;
    return {};
  }
  player.child = *std::move(spawned);
  player.finding.pid = player.child.pid;
  player.state = State::running;
  if (player.observations) {
    player.observations->close_child_end();
    TRY(loop_.watch(player.observations->fd(), EPOLLIN, [this, &player](std::uint32_t events) {
      const auto before = player.observations->all().size();
      player.observations->drain();
      if ((events & EPOLLIN) == 0) {
        loop_.unwatch(player.observations->fd());  // hung up, and it would say so for ever
      }
      if (player.observations->all().size() != before) {  // not when a figure changes, which may be all the time
        on_.note();
      }
    }));
  }
  return loop_.watch(player.child.pidfd.get(), EPOLLIN, [this, &player, begin](auto) {
    loop_.unwatch(player.child.pidfd.get());
    reap(player, begin);
    on_.exit();
  });
}

void Cast::reap(Player& player, Clock::time_point begin) {
  const auto status = cgroup::wait(player.child);
  auto& finding = player.finding;
  player.state = State::over;
  finding.ended_s = std::chrono::duration<double>(Clock::now() - begin).count();
  if (status) {
    finding.exit_code = status->exit_code;
    finding.signal = status->signal;
  }
  if (finding.end != "running") {
    const bool by_us = player.stopped && finding.signal;
    finding.end = by_us ? "stopped" : finding.signal ? "signaled" : "exited";
  }
  if (player.observations) {
    player.observations->drain();
    finding.observations = player.observations->all();
  }
}

base::Result<> Cast::act(const Situation& situation, Clock::time_point begin) {
  for (auto& part : parts_) {
    const bool may_start = part.start.holds(situation);
    const bool must_stop = part.stop && part.stop->holds(situation);
    for (auto* player : part.players) {
      if (player->state == State::waiting && may_start && !must_stop) {
        TRY(start(*player, begin));
      }
      if (player->state == State::running && must_stop && !player->stopped) {
        player->stopped = true;
        (void)::kill(player->child.pid, SIGKILL);  // not reaped yet, so it is that process
      }
    }
    send_due(part, situation);
  }
  return {};
}

void Cast::send_due(Part& part, const Situation& situation) {
  for (std::size_t i = 0; i < part.signals.size(); ++i) {
    auto& signal = part.signals[i];
    const int number = part.spec->signals[i].signal;
    const bool is_due = signal && signal->holds(situation);
    for (auto* player : part.players) {
      if (is_due && player->state == State::running) {
        player->stopped = player->stopped || number == SIGKILL || number == SIGTERM;
        (void)::kill(player->child.pid, number);  // not reaped yet, either
        signal.reset();
      }
    }
  }
}

std::map<std::string, Situation::Task> Cast::states() const {
  std::map<std::string, Situation::Task> all;
  for (const auto& player : players_) {
    auto& task = all[player.spec->name];
    task.total = player.spec->count;
    task.started += player.state != State::waiting ? 1U : 0U;
    task.exited += player.state == State::over ? 1U : 0U;
    if (player.observations) {
      for (const auto& seen : player.observations->all()) {
        task.notes.insert(seen.step);
      }
    }
  }
  return all;
}

std::size_t Cast::killed() const {
  return static_cast<std::size_t>(std::ranges::count_if(players_, [](const Player& player) {
    return player.state == State::over && player.finding.signal == SIGKILL && !player.stopped;
  }));
}

bool Cast::all_over() const {
  return std::ranges::all_of(players_, [](const Player& player) { return player.state == State::over; });
}

std::string Cast::waiting() const {
  std::string text;
  for (const auto& part : parts_) {
    const bool waits =
        std::ranges::any_of(part.players, [](const Player* player) { return player->state == State::waiting; });
    if (waits && part.spec->start.kind != Condition::Kind::never) {
      text += fmt::format("; {} for {}", part.spec->name, part.spec->start.words());
    }
  }
  return text;
}

std::vector<pid_t> Cast::pids_of(const std::string& task) const {
  std::vector<pid_t> pids;
  for (const auto& player : players_) {
    if (player.spec->name == task && player.state == State::running) {
      pids.push_back(player.child.pid);
    }
  }
  return pids;
}

void Cast::note_running() {
  for (auto& player : players_) {
    if (player.state == State::running) {
      player.finding.end = "running";
    }
  }
}

base::Result<> Cast::reap_rest() {
  for (auto& player : players_) {
    if (player.state == State::running) {
      const auto status = cgroup::wait(player.child);
      player.state = State::over;
      if (!status) {
        return std::unexpected(status.error());
      }
      if (player.observations) {
        player.observations->drain();
        player.finding.observations = player.observations->all();
      }
    }
  }
  return {};
}

std::vector<TaskFinding> Cast::findings() const {
  std::vector<TaskFinding> all;
  for (const auto& player : players_) {
    all.push_back(player.finding);
  }
  return all;
}

}  // namespace cli::scenario

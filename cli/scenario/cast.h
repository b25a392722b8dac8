#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "cgroup/spawn.h"
#include "cli/observations.h"
#include "cli/scenario/condition.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/scenario.h"
#include "cli/scenario/stage.h"
#include "cli/scenario/tree.h"

namespace cli::scenario {

// The scenario's tasks, all copies of each: started, signalled and stopped when their conditions hold, and reaped.
class Cast {
 public:
  using Clock = std::chrono::steady_clock;
  struct Callbacks {
    std::function<void()> exit;  // a task was reaped
    std::function<void()> note;  // a workload has said something new of itself
  };
  // All arguments outlive it.
  Cast(const Scenario& scenario, const Tree& tree, const Stage& stage, base::EventLoop& loop, Callbacks on);

  // Does what is due. A task that cannot be started is a finding, not an error.
  base::Result<> act(const Situation& situation, Clock::time_point begin);
  // What the situation holds of tasks.
  [[nodiscard]] std::map<std::string, Situation::Task> states() const;
  // Processes that ended by SIGKILL and not by us.
  [[nodiscard]] std::size_t killed() const;
  [[nodiscard]] bool all_over() const;
  // Who has not started, and what it waits for: "; asker for the first kill".
  [[nodiscard]] std::string waiting() const;
  // The pid of each running copy of a task.
  [[nodiscard]] std::vector<pid_t> pids_of(const std::string& task) const;

  // Of everything that is still there: it ran until the end. Call it before the rest is killed, and then reap_rest().
  void note_running();
  base::Result<> reap_rest();
  [[nodiscard]] std::vector<TaskFinding> findings() const;

 private:
  enum class State { waiting, running, over };
  // One copy of a task.
  struct Player {
    const TaskSpec* spec = nullptr;
    TaskFinding finding;
    State state = State::waiting;
    cgroup::Spawned child;
    std::optional<Observations> observations;
    bool stopped = false;
  };
  // One task's conditions.
  struct Part {
    explicit Part(const TaskSpec& task);
    const TaskSpec* spec;
    std::vector<Player*> players;
    Trigger start;
    std::optional<Trigger> stop;
    std::vector<std::optional<Trigger>> signals;  // nothing: sent
  };

  base::Result<> start(Player& player, Clock::time_point begin);
  static void send_due(Part& part, const Situation& situation);
  static void reap(Player& player, Clock::time_point begin);
  [[nodiscard]] cgroup::SpawnRequest request_for(const Player& player) const;
  [[nodiscard]] bool is_alone(const TaskSpec& task) const;

  const Scenario& scenario_;
  const Tree& tree_;
  const Stage& stage_;
  base::EventLoop& loop_;
  Callbacks on_;
  std::optional<int> own_score_;  // what tasks get back that ask for none
  std::list<Player> players_;     // stay where they are
  std::vector<Part> parts_;
};

}  // namespace cli::scenario

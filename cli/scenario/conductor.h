#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "cgroup/recorder.h"
#include "cli/kernel_log.h"
#include "cli/scenario/cast.h"
#include "cli/scenario/findings.h"
#include "cli/scenario/scenario.h"
#include "cli/scenario/stage.h"
#include "cli/scenario/tree.h"

namespace cli::scenario {

// One run of a scenario in groups that are there: from its begin until what is left was killed. One event loop, one
// thread; conditions are looked at whenever a task ended, the kernel counted an event, and once in each period.
class Conductor {
 public:
  Conductor(const Scenario& scenario, const Stage& stage, Tree& tree, std::optional<KernelLog>& log,
            base::EventLoop loop);

  // Once. Fills all of the findings but those that come from the kernel's log.
  base::Result<> run(Findings& findings);
  [[nodiscard]] std::chrono::steady_clock::time_point begin() const { return begin_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Ending { none, settling, over };

  struct Recorded {
    std::string group;  // empty: the top
    cgroup::Recorder recorder;
  };
  struct Mark {
    Trigger when;
    MarkFinding finding;
  };
  struct Action {
    const ActionSpec* spec = nullptr;
    Trigger when;
    ActionFinding finding;
  };

  base::Result<> record(const std::string& group, const cgroup::Dir& dir);
  base::Result<> watch();
  void look();
  void tick();
  void settle();
  void end_now();
  void take_marks(const Situation& situation);
  void act(const Situation& situation);
  std::string perform(const ActionSpec& action);
  void note_highest();
  void note_kills();
  [[nodiscard]] Situation situation();
  [[nodiscard]] double elapsed_s() const;
  [[nodiscard]] std::uint64_t count_kills() const;
  void read_groups(Findings& findings);

  const Scenario& scenario_;
  const Stage& stage_;
  Tree& tree_;
  std::optional<KernelLog>& log_;
  base::EventLoop loop_;
  Clock::time_point begin_ = Clock::now();
  Cast cast_;
  std::vector<Recorded> recorded_;
  std::vector<Mark> marks_;
  std::vector<Action> actions_;
  Trigger end_;
  std::map<std::string, cgroup::Counters> highest_;
  std::optional<double> first_kill_s_;
  Ending ending_ = Ending::none;
  Clock::time_point settling_since_, quiet_since_;
  std::string verdict_;  // of a run that did not go to its end
  std::optional<std::string> reason_;
  unsigned ticks_ = 0;
  std::optional<base::Error> error_;
};

}  // namespace cli::scenario

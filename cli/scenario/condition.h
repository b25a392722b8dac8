#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "cli/scenario/counter.h"
#include "cli/scenario/range.h"

// When something is to happen. Pure.
namespace cli::scenario {

struct Condition {
  enum class Kind {
    at_once,     // from the begin
    never,       // not before the end
    after,       // `delay` after the begin
    started,     // all of `task` are
    exited,      // all of `task` are, however
    noted,       // a workload of `task` has said that it is at `step`
    done,        // the action `task`
    first_kill,  // the kernel has killed a process
    all_exited,  // every task has started and exited
    level,       // `counter` of `group` is in `range`
    all,         // of `parts`
    any,         // of `parts`
  };
  Kind kind = Kind::at_once;
  std::string task, step, group;
  Counter counter;
  Range range;
  std::vector<Condition> parts;
  std::chrono::nanoseconds delay{0};  // that long after it came true

  [[nodiscard]] std::string words() const;
};

// What conditions are judged by, at one moment.
struct Situation {
  struct Task {
    std::size_t total = 1, started = 0, exited = 0;
    std::set<std::string> notes;
  };
  std::chrono::nanoseconds elapsed{0};
  std::map<std::string, Task> tasks;
  std::set<std::string> done;  // actions
  bool killed = false;
  std::function<std::optional<double>(const std::string& group, const Counter& counter)> read;
};

// A condition that stays true once it was, part by part: "a has started, and then b is full" needs not both at once.
class Trigger {
 public:
  explicit Trigger(const Condition& condition);
  // Whether it has come true by now, its delay over.
  bool holds(const Situation& situation);

 private:
  bool is_true(const Situation& situation);
  const Condition* condition_;
  std::vector<Trigger> parts_;
  std::optional<std::chrono::nanoseconds> since_;
};

}  // namespace cli::scenario

#include "cli/scenario/condition.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"

namespace cli::scenario {
namespace {

std::string base_words(const Condition& condition) {
  using Kind = Condition::Kind;
  switch (condition.kind) {
    case Kind::at_once:
      return "at once";
    case Kind::never:
      return "never";
    case Kind::after:
      return "from the begin";
    case Kind::started:
      return fmt::format("{} has started", condition.task);
    case Kind::exited:
      return fmt::format("{} has exited", condition.task);
    case Kind::noted:
      return fmt::format("{} is at '{}'", condition.task, condition.step);
    case Kind::done:
      return fmt::format("the action {} is done", condition.task);
    case Kind::first_kill:
      return "the first kill";
    case Kind::all_exited:
      return "all have exited";
    case Kind::level:
      return fmt::format("{} of {} is {}", condition.counter.name(), condition.group, condition.range.words());
    case Kind::all:
    case Kind::any:
      break;
  }
  std::string text;
  for (const auto& part : condition.parts) {
    text += fmt::format("{}{}", text.empty() ? "" : condition.kind == Kind::all ? " and " : " or ", part.words());
  }
  return fmt::format("({})", text);
}

const Situation::Task* find_task(const Situation& situation, const std::string& name) {
  const auto found = situation.tasks.find(name);
  return found == situation.tasks.end() ? nullptr : &found->second;
}

bool is_at_level(const Condition& condition, const Situation& situation) {
  if (!situation.read) {
    return false;
  }
  const auto value = situation.read(condition.group, condition.counter);
  const auto lookup = [&](const Counter& other) { return situation.read(condition.group, other); };
  return value && condition.range.contains(*value, lookup).value_or(false);
}

}  // namespace

std::string Condition::words() const {
  const auto text = base_words(*this);
  return delay.count() == 0
             ? text
             : fmt::format("{} after {}", base::human_duration(std::chrono::duration<double>(delay).count()), text);
}

Trigger::Trigger(const Condition& condition) : condition_(&condition) {
  for (const auto& part : condition.parts) {
    parts_.emplace_back(part);
  }
}

bool Trigger::holds(const Situation& situation) {
  if (!since_ && is_true(situation)) {
    since_ = condition_->kind == Condition::Kind::after ? std::chrono::nanoseconds(0) : situation.elapsed;
  }
  return since_ && situation.elapsed >= *since_ + condition_->delay;
}

bool Trigger::is_true(const Situation& situation) {
  using Kind = Condition::Kind;
  const auto& condition = *condition_;
  const auto* task = find_task(situation, condition.task);
  switch (condition.kind) {
    case Kind::at_once:
    case Kind::after:
      return true;
    case Kind::never:
      return false;
    case Kind::started:
      return task != nullptr && task->started == task->total;
    case Kind::exited:
      return task != nullptr && task->exited == task->total;
    case Kind::noted:
      return task != nullptr && task->notes.contains(condition.step);
    case Kind::done:
      return situation.done.contains(condition.task);
    case Kind::first_kill:
      return situation.killed;
    case Kind::all_exited:
      return std::ranges::all_of(situation.tasks,
                                 [](const auto& each) { return each.second.exited == each.second.total; });
    case Kind::level:
      return is_at_level(condition, situation);
    case Kind::all:
    case Kind::any:
      break;
  }
  // Each part is asked, so that each can keep that it was true.
  const auto holding = std::ranges::count_if(parts_, [&](Trigger& part) { return part.holds(situation); });
  return condition.kind == Kind::all ? static_cast<std::size_t>(holding) == parts_.size() : holding > 0;
}

}  // namespace cli::scenario

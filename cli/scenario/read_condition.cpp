#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/read.h"

namespace cli::scenario {
namespace {

using Kind = Condition::Kind;

constexpr unsigned kDeepest = 8;
constexpr std::pair<std::string_view, Kind> kWords[] = {{"at_once", Kind::at_once},
                                                        {"never", Kind::never},
                                                        {"first_kill", Kind::first_kill},
                                                        {"all_exited", Kind::all_exited}};

base::Result<Condition> read_word(const Node& node) {
  TRY_ASSIGN(const auto word, node.text());
  std::vector<std::string> known;
  for (const auto& [name, kind] : kWords) {
    if (name == word) {
      return Condition{.kind = kind};
    }
    known.emplace_back(name);
  }
  return node.unknown("a condition", word, known);
}

// {"group": "a", "counter": "memory.current", "at_least": "20M"}
base::Result<Condition> read_level(const Node& node, const Scenario& scenario) {
  auto names = bound_names();
  names.insert(names.end(), {"group", "counter", "delay"});
  TRY(node.only(names));
  Condition condition{.kind = Kind::level};
  TRY_ASSIGN(const auto group, node.need("group"));
  TRY_ASSIGN(condition.group, read_group_name(group, scenario));
  TRY_ASSIGN(const auto counter, node.need("counter"));
  TRY_ASSIGN(const auto text, counter.text());
  TRY_ASSIGN(condition.counter, read_counter(counter, text));
  TRY_ASSIGN(auto range, read_bounds(node, condition.counter.unit));
  if (!range) {
    return node.fail("no bound is given: equals, at_least, at_most, or about and within");
  }
  condition.range = *std::move(range);
  return condition;
}

base::Result<Condition> read_any(const Node& node, const Scenario& scenario, unsigned depth);

// {"all": [...]} and {"any": [...]}
base::Result<Condition> read_parts(const Node& list, Kind kind, const Scenario& scenario, unsigned depth) {
  Condition condition{.kind = kind};
  if (depth >= kDeepest) {
    return list.fail(fmt::format("nested more than {} times", kDeepest));
  }
  TRY_ASSIGN(const auto elements, list.elements());
  for (const auto& element : elements) {
    TRY_ASSIGN(condition.parts.emplace_back(), read_any(element, scenario, depth + 1));
  }
  return condition.parts.empty() ? list.fail("the list is empty") : base::Result<Condition>(std::move(condition));
}

base::Result<Condition> read_task(const Node& name, Kind kind, const Scenario& scenario) {
  Condition condition{.kind = kind};
  TRY_ASSIGN(condition.task, read_task_name(name, scenario));
  return condition;
}

// {"task": "a", "notes": "touched"}
base::Result<Condition> read_note(const Node& node, const Node& task, const Scenario& scenario) {
  TRY_ASSIGN(auto condition, read_task(task, Kind::noted, scenario));
  TRY_ASSIGN(const auto step, node.need("notes"));
  TRY_ASSIGN(condition.step, step.text());
  if (const auto* spec = scenario.find_task(condition.task); spec != nullptr && spec->workload.empty()) {
    return step.fail(fmt::format("{} is a command, which notes nothing", condition.task),
                     R"(wait for a level, or for {"started": ...} with a delay)");
  }
  return condition;
}

base::Result<Condition> read_done(const Node& name, const Scenario& scenario) {
  Condition condition{.kind = Kind::done};
  TRY_ASSIGN(condition.task, name.text());
  std::vector<std::string> known;
  known.reserve(scenario.actions.size());
  for (const auto& action : scenario.actions) {
    known.push_back(action.name);
  }
  if (std::ranges::find(known, condition.task) == known.end()) {
    return name.unknown("an action of this scenario", condition.task, known);
  }
  return condition;
}

base::Result<Condition> read_object(const Node& node, const Scenario& scenario, unsigned depth) {
  if (node.find("group")) {
    return read_level(node, scenario);
  }
  if (const auto task = node.find("task")) {
    TRY(node.only({"task", "notes", "delay"}));
    return read_note(node, *task, scenario);
  }
  const std::pair<const char*, Kind> kinds[] = {{"after", Kind::after},   {"started", Kind::started},
                                                {"exited", Kind::exited}, {"done", Kind::done},
                                                {"all", Kind::all},       {"any", Kind::any}};
  for (const auto& [name, kind] : kinds) {
    const auto member = node.find(name);
    if (!member) {
      continue;
    }
    TRY(node.only({name, "delay"}));
    switch (kind) {
      case Kind::after: {
        Condition condition{.kind = kind};
        TRY_ASSIGN(condition.delay, member->duration());
        return condition;
      }
      case Kind::started:
      case Kind::exited:
        return read_task(*member, kind, scenario);
      case Kind::done:
        return read_done(*member, scenario);
      default:
        return read_parts(*member, kind, scenario, depth);
    }
  }
  TRY(node.only({"after", "started", "exited", "task", "done", "group", "all", "any"}));
  return node.fail("no condition is given: after, started, exited, task and notes, done, group and counter, all, any");
}

base::Result<Condition> read_any(const Node& node, const Scenario& scenario, unsigned depth) {
  if (node.is_text()) {
    return read_word(node);
  }
  if (!node.is_object()) {
    return node.fail("expected a condition: an object, or one of at_once, never, first_kill, all_exited");
  }
  TRY_ASSIGN(auto condition, read_object(node, scenario, depth));
  if (const auto delay = node.find("delay")) {
    TRY_ASSIGN(const auto time, delay->duration());
    condition.delay += time;
  }
  return condition;
}

}  // namespace

base::Result<Condition> read_condition(const Node& node, const Scenario& scenario) {
  return read_any(node, scenario, 0);
}

}  // namespace cli::scenario

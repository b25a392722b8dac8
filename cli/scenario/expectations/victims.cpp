// Whose processes were killed. A list is the whole set; {"any_of": [...]}: at least one, and none but these;
// {"include": [...]}: these, whoever else.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

using Names = std::set<std::string>;

// By the kernel's log; tasks also by the counters of their groups, should there be no log.
Names tasks_of(const Findings& found) {
  Names names;
  for (const auto& victim : found.victims) {
    names.insert(victim.task.empty() ? fmt::format("pid {} ({})", victim.pid, base::escape_terminal(victim.comm))
                                     : victim.task);
  }
  for (const auto& task : found.tasks) {
    if (task.end == "oom_killed") {
      names.insert(task.name);
    }
  }
  return names;
}

std::string words(const Names& names) {
  return names.empty() ? "nobody" : enumerate({names.begin(), names.end()});
}

base::Result<Names> read_names(const Node& node, const Scenario& scenario) {
  Names names;
  TRY_ASSIGN(const auto elements, node.elements());
  for (const auto& element : elements) {
    TRY_ASSIGN(auto name, read_task_name(element, scenario));
    names.insert(std::move(name));
  }
  return names;
}

void add(Scenario& scenario, const Node& node, std::string expected, bool (*agree)(const Names&, const Names&),
         Names wanted) {
  add_check(scenario, node, std::move(expected), [agree, wanted = std::move(wanted)](const Findings& found) -> Seen {
    const auto seen = tasks_of(found);
    const bool known = found.has_kernel_log || !found.tasks.empty();
    return {.met = known && agree(wanted, seen), .words = words(seen), .known = known};
  });
}

base::Result<> read(const Node& node, Scenario& scenario) {
  if (!node.is_object()) {
    TRY_ASSIGN(auto names, read_names(node, scenario));
    auto expected = words(names);
    add(
        scenario, node, std::move(expected), [](const Names& wanted, const Names& seen) { return wanted == seen; },
        std::move(names));
    return {};
  }
  TRY(node.only({"any_of", "include"}));
  const auto any_of = node.find("any_of");
  const auto include = node.find("include");
  if (any_of.has_value() == include.has_value()) {
    return node.fail("expected either 'any_of' or 'include'");
  }
  TRY_ASSIGN(auto names, read_names(any_of ? *any_of : *include, scenario));
  auto expected = fmt::format("{} {}", any_of ? "any of" : "among others", words(names));
  add(
      scenario, node, std::move(expected),
      any_of
          ? +[](const Names& wanted, const Names& seen) { return !seen.empty() && std::ranges::includes(wanted, seen); }
          : +[](const Names& wanted, const Names& seen) { return std::ranges::includes(seen, wanted); },
      std::move(names));
  return {};
}

}  // namespace

extern const Expectation victims;
constinit const Expectation victims{
    .summary = R"(the tasks whose processes the kernel killed: a list, or {"any_of": [...]}, {"include": [...]})",
    .read = read,
};

}  // namespace cli::scenario::expectations

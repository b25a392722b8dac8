// How tasks ended: an exit status, a signal by its name, or a word; of several copies each.
#include <algorithm>

#include <fmt/format.h>

#include "base/exit_status.h"
#include "cli/scenario/expectation.h"
#include "cli/scenario/read.h"

namespace cli::scenario::expectations {
namespace {

constexpr std::string_view kWords[] = {"oom_killed", "running", "stopped", "not_started"};

// "0", "SIGKILL", "running".
std::vector<std::string> ends_of(const TaskFinding& task) {
  std::vector<std::string> ends{task.end};
  if (task.exit_code) {
    ends.push_back(fmt::format("{}", *task.exit_code));
  }
  if (task.signal) {
    ends.push_back(base::signal_name(*task.signal));
  }
  return ends;
}

Seen look(const Findings& found, const std::string& name, const std::vector<std::string>& wanted) {
  Seen seen{.met = true, .words = {}, .known = false};
  std::vector<std::string> words;
  for (const auto& task : found.tasks) {
    if (task.name != name) {
      continue;
    }
    const auto ends = ends_of(task);
    const bool is_wanted = std::ranges::any_of(
        ends, [&wanted](const auto& end) { return std::ranges::find(wanted, end) != wanted.end(); });
    seen.known = true;
    seen.met = seen.met && is_wanted;
    auto shown =
        task.end == "exited" ? fmt::format("exit {}", ends.back()) : fmt::format("{}", fmt::join(ends, " by "));
    if (std::ranges::find(words, shown) == words.end()) {
      words.push_back(std::move(shown));
    }
  }
  seen.met = seen.met && seen.known;
  seen.words = enumerate(words);
  return seen;
}

base::Result<std::string> read_end(const Node& node) {
  if (node.is_number()) {
    TRY_ASSIGN(const auto code, node.whole(0, 255));
    return fmt::format("{}", code);
  }
  TRY_ASSIGN(auto word, node.text());
  std::vector<std::string> known(std::begin(kWords), std::end(kWords));
  for (int signal = 1; signal <= 31; ++signal) {
    known.push_back(base::signal_name(signal));
  }
  if (std::ranges::find(known, word) == known.end()) {
    return node.unknown("an end of a task (an exit status, a signal, oom_killed, running, stopped, not_started)", word,
                        known);
  }
  return word;
}

base::Result<> read(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    if (scenario.find_task(name) == nullptr) {
      return member.unknown("a task of this scenario", name, task_names(scenario));
    }
    std::vector<std::string> wanted;
    if (member.is_list()) {
      TRY_ASSIGN(const auto elements, member.elements());
      for (const auto& element : elements) {
        TRY_ASSIGN(wanted.emplace_back(), read_end(element));
      }
    } else {
      TRY_ASSIGN(wanted.emplace_back(), read_end(member));
    }
    auto expected = fmt::format("{}", fmt::join(wanted, " or "));
    add_check(scenario, member, std::move(expected),
              [name, wanted = std::move(wanted)](const Findings& found) { return look(found, name, wanted); });
  }
  return {};
}

}  // namespace

extern const Expectation exits;
constinit const Expectation exits{
    .summary =
        R"(how tasks ended: {"task": 0}, "SIGKILL", oom_killed, running (until the end), stopped; one or a list)",
    .read = read,
};

}  // namespace cli::scenario::expectations

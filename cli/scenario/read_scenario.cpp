#include <algorithm>

#include <fmt/format.h>

#include "cli/scenario/definition.h"
#include "cli/scenario/read.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {
namespace {

constexpr std::size_t kLargestDefinition = 100'000;  // it goes to the guest as one argument: MAX_ARG_STRLEN, execve(2)
constexpr std::chrono::minutes kDefaultTimeout{2};
constexpr std::chrono::hours kLongestTimeout{1};

base::Result<> read_words(const Node& node, Scenario& scenario) {
  const std::pair<const char*, std::string Scenario::*> words[] = {
      {"name", &Scenario::name}, {"about", &Scenario::about}, {"teaches", &Scenario::teaches}};
  for (const auto& [name, member] : words) {
    TRY_ASSIGN(const auto found, node.need(name));
    TRY_ASSIGN(scenario.*member, found.text());
    if ((scenario.*member).empty()) {
      return found.fail("is empty");
    }
  }
  if (!is_name(scenario.name) || scenario.name.find(' ') != std::string::npos || scenario.name == "all") {
    return node.find("name")->fail("a name has letters, digits, '-', '_' and '.', at most 64");
  }
  return {};
}

// Where the file says something of that group.
Node place_of(const Node& node, const std::string& group) {
  const auto groups = node.find("groups");
  const auto place = groups ? groups->find(group) : std::nullopt;
  return place.value_or(node);
}

// What they need that the scenario can be given without being asked.
base::Result<> settle_needs(const Node& node, const Scenario& scenario) {
  const bool has_swap = scenario.needs.swap_bytes.has_value();
  for (const auto& group : scenario.groups) {
    for (const auto& setting : group.settings) {
      if (setting.file == "memory.swap.max" && setting.value != "0" && setting.value != "max" && !has_swap) {
        return place_of(node, group.path)
            .fail("it may use swap, and needs.swap names none",
                  R"("needs": {"swap": "64M"} makes that much in the micro-VM)");
      }
    }
  }
  return {};
}

base::Result<> read_end(const Node& node, Scenario& scenario) {
  scenario.end = {.kind = Condition::Kind::all_exited};
  if (const auto end = node.find("end")) {
    TRY_ASSIGN(scenario.end, read_condition(*end, scenario));
  }
  scenario.timeout = kDefaultTimeout;
  if (const auto timeout = node.find("timeout")) {
    TRY_ASSIGN(scenario.timeout, timeout->duration());
    if (scenario.timeout.count() == 0 || scenario.timeout > kLongestTimeout) {
      return timeout->fail("expected a time up to 1h");
    }
  }
  return {};
}

base::Result<> read_parts(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto groups, node.need("groups"));
  TRY(read_groups(groups, scenario));
  TRY_ASSIGN(const auto tasks, node.need("tasks"));
  TRY(read_tasks(tasks, scenario));
  const auto actions = node.find("actions");
  if (actions) {
    TRY(read_actions(*actions, scenario));
  }
  TRY(read_task_conditions(tasks, scenario));
  if (actions) {
    TRY(read_action_conditions(*actions, scenario));
  }
  if (const auto marks = node.find("marks")) {
    TRY(read_marks(*marks, scenario));
  }
  TRY(read_end(node, scenario));
  TRY_ASSIGN(const auto expectations, node.need("expect"));
  return read_expectations(expectations, scenario);
}

}  // namespace

base::Result<Scenario> read_scenario(std::string_view text, std::string_view shown) {
  TRY_ASSIGN(const auto file, Definition::parse(text, shown));
  const auto node = file.root();
  TRY(node.only({"$schema", "name", "about", "teaches", "needs", "groups", "tasks", "actions", "marks", "end",
                 "timeout", "expect"}));
  Scenario scenario;
  scenario.definition = file.without_comments();
  if (scenario.definition.size() > kLargestDefinition) {
    return node.fail("larger than 100 kB without its comments");
  }
  TRY(read_words(node, scenario));
  if (const auto needs = node.find("needs")) {
    TRY(read_needs(*needs, scenario.needs));
  }
  TRY(read_parts(node, scenario));
  TRY(settle_needs(node, scenario));
  return scenario;
}

const TaskSpec* Scenario::find_task(std::string_view task) const {
  const auto found = std::ranges::find(tasks, task, &TaskSpec::name);
  return found == tasks.end() ? nullptr : &*found;
}

const GroupSpec* Scenario::find_group(std::string_view path) const {
  const auto found = std::ranges::find(groups, path, &GroupSpec::path);
  return found == groups.end() ? nullptr : &*found;
}

// Swap, sysctls and disks are made in a guest, and what nothing limits fills a machine.
bool Scenario::is_for_vm() const {
  if (needs.vm || needs.memory_bytes || needs.swap_bytes || needs.disk_bytes || !needs.sysctls.empty()) {
    return true;
  }
  const auto is_limited = [this](const TaskSpec& task) {
    return std::ranges::any_of(groups, [&task](const GroupSpec& group) {
      const bool is_above = task.group == group.path || task.group.starts_with(group.path + "/");
      return is_above && std::ranges::any_of(group.settings, [](const Setting& setting) {
               return setting.file == "memory.max" && setting.value != "max";
             });
    });
  };
  return !std::ranges::all_of(tasks, is_limited);
}

}  // namespace cli::scenario

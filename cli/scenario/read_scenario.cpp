#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "cli/scenario/read.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;
constexpr std::size_t kLargestDefinition = 100'000;  // it goes to the guest as one argument: MAX_ARG_STRLEN, execve(2)
constexpr std::chrono::minutes kDefaultTimeout{2};
constexpr std::chrono::hours kLongestTimeout{1};

std::string place_of(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
  const auto begin = before.rfind('\n');
  return fmt::format("{}:{}", line, before.size() - (begin == std::string_view::npos ? 0 : begin + 1) + 1);
}

// What nlohmann/json says of a mistake, without its own place and number.
std::string reason_of(std::string_view what) {
  const auto colon = what.find(": syntax error");
  return base::escape_terminal(colon == std::string_view::npos ? what : what.substr(colon + 2));
}

// A name that stands twice in an object: the parser would keep the last silently.
class Duplicates {
 public:
  bool on_event(int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) {
      names_.resize(level + 2);
      names_[level + 1].clear();
    } else if (event == Json::parse_event_t::key && level < names_.size()) {
      auto name = parsed.get<std::string>();
      if (!names_[level].insert(name).second && twice_.empty()) {
        twice_ = std::move(name);
      }
    }
    return true;
  }
  [[nodiscard]] const std::string& twice() const { return twice_; }

 private:
  std::vector<std::set<std::string>> names_;
  std::string twice_;
};

base::Result<Json> parse(std::string_view text, std::string_view shown) {
  const auto file = base::escape_terminal(shown);
  if (text.size() > kLargestFile) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: larger than 1 MiB: no scenario", file));
  }
  Duplicates duplicates;
  Json json;
  try {
    json = Json::parse(
        text,
        [&duplicates](int depth, Json::parse_event_t event, Json& parsed) {
          return duplicates.on_event(depth, event, parsed);
        },
        true, true);
  } catch (const Json::parse_error& error) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("{}:{}: {}", file, place_of(text, error.byte), reason_of(error.what())));
  } catch (const Json::exception& error) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: {}", file, base::escape_terminal(error.what())));
  }
  if (!duplicates.twice().empty()) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: '{}' stands twice in the same object", file,
                                                          base::escape_terminal(duplicates.twice())));
  }
  return json;
}

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

// What they need that the scenario can be given without being asked.
base::Result<> settle_needs(const Node& node, const Scenario& scenario) {
  const bool has_swap = scenario.needs.swap_bytes.has_value();
  for (const auto& group : scenario.groups) {
    for (const auto& setting : group.settings) {
      if (setting.file == "memory.swap.max" && setting.value != "0" && setting.value != "max" && !has_swap) {
        return node.fail(fmt::format("the group {} may use swap, but needs.swap says of none", group.path),
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
  TRY_ASSIGN(const auto json, parse(text, shown));
  const Source source{.shown = std::string(shown), .text = std::string(text)};
  const Node node(json, source);
  TRY(node.only({"$schema", "name", "about", "teaches", "needs", "groups", "tasks", "actions", "marks", "end",
                 "timeout", "expect"}));
  Scenario scenario;
  scenario.definition = json.dump(-1, ' ', false, Json::error_handler_t::replace);
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

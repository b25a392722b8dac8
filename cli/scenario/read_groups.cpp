#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "cli/scenario/read.h"
#include "cli/scenario/settings.h"

namespace cli::scenario {
namespace {

constexpr std::size_t kMostGroups = 64;
constexpr std::size_t kDeepest = 8;

bool is_folder_name(std::string_view text) {
  const bool reserved = text.starts_with('.') || text.starts_with("cgroup.") || text.starts_with("memory.") ||
                        text.starts_with("pids.") || text.starts_with("cpu") || text.starts_with("oomlab");
  return is_name(text) && text.find(' ') == std::string_view::npos && !reserved;
}

bool is_path(std::string_view path) {
  std::size_t depth = 0;
  for (std::size_t begin = 0; begin <= path.size(); ++depth) {
    const auto end = std::min(path.find('/', begin), path.size());
    if (!is_folder_name(path.substr(begin, end - begin))) {
      return false;
    }
    begin = end + 1;
  }
  return depth <= kDeepest;
}

// The levels above it that the file does not name.
void add_parents(std::map<std::string, GroupSpec>& groups, const std::string& path) {
  for (auto slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto parent = path.substr(0, slash);
    groups.try_emplace(parent, GroupSpec{.path = parent, .settings = {}});
  }
}

// As `run` has it: a memory limit without a word about swap means no swap.
void forbid_swap(GroupSpec& group) {
  const auto has = [&group](std::string_view file) {
    return std::ranges::find(group.settings, file, &Setting::file) != group.settings.end();
  };
  if (has("memory.max") && !has("memory.swap.max")) {
    group.settings.push_back({.file = "memory.swap.max", .value = "0"});
  }
}

}  // namespace

bool is_name(std::string_view text) {
  constexpr std::size_t kLongest = 64;
  const auto is_allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == ' ';
  };
  return !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, is_allowed);
}

base::Result<> read_groups(const Node& node, Scenario& scenario) {
  std::map<std::string, GroupSpec> groups;  // in the order of their names a parent comes before its children
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [path, member] : members) {
    if (!is_path(path)) {
      return member.fail(R"(a group is named "a" or "a/b": letters, digits, '-', '_', '.', at most 8 levels)");
    }
    GroupSpec group{.path = path, .settings = {}};
    TRY_ASSIGN(const auto settings, member.members());
    for (const auto& [file, value] : settings) {
      TRY_ASSIGN(group.settings.emplace_back(), read_setting(file, value, true));
    }
    forbid_swap(group);
    add_parents(groups, path);
    groups[path] = std::move(group);
  }
  if (groups.empty() || groups.size() > kMostGroups) {
    return node.fail(fmt::format("expected 1 to {} groups, got {}", kMostGroups, groups.size()));
  }
  for (auto& [path, group] : groups) {
    scenario.groups.push_back(std::move(group));
  }
  return {};
}

base::Result<> read_needs(const Node& node, Needs& needs) {
  TRY(node.only({"vm", "memory", "swap", "disk", "sysctls", "files"}));
  if (const auto vm = node.find("vm")) {
    TRY_ASSIGN(needs.vm, vm->truth());
  }
  const std::pair<const char*, std::optional<std::uint64_t> Needs::*> sizes[] = {
      {"memory", &Needs::memory_bytes}, {"swap", &Needs::swap_bytes}, {"disk", &Needs::disk_bytes}};
  for (const auto& [name, member] : sizes) {
    if (const auto size = node.find(name)) {
      TRY_ASSIGN(needs.*member, size->size());
    }
  }
  if (const auto sysctls = node.find("sysctls")) {
    TRY_ASSIGN(const auto members, sysctls->members());
    for (const auto& [name, value] : members) {
      TRY_ASSIGN(const auto text, value.scalar());
      needs.sysctls.emplace_back(name, text);
    }
  }
  if (const auto files = node.find("files")) {
    TRY_ASSIGN(needs.files, files->texts());
    for (const auto& file : needs.files) {
      if (file.find('/') != std::string::npos || file.empty()) {
        return files->fail("expected names of control files, such as \"memory.reclaim\"");
      }
    }
  }
  return {};
}

base::Result<> read_actions(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto elements, node.elements());
  for (const auto& element : elements) {
    TRY(element.only({"name", "group", "when", "write", "value", "move"}));
    ActionSpec action;
    TRY_ASSIGN(const auto name, element.need("name"));
    TRY_ASSIGN(action.name, name.text());
    if (!is_name(action.name) ||
        std::ranges::find(scenario.actions, action.name, &ActionSpec::name) != scenario.actions.end()) {
      return name.fail("expected a name of its own: letters, digits, '-', '_', '.' and blanks");
    }
    TRY_ASSIGN(const auto group, element.need("group"));
    TRY_ASSIGN(action.group, read_group_name(group, scenario));
    const auto file = element.find("write");
    const auto task = element.find("move");
    if (file.has_value() == task.has_value()) {
      return element.fail("expected either 'write' and 'value', or 'move'");
    }
    if (file) {
      TRY_ASSIGN(const auto value, element.need("value"));
      TRY_ASSIGN(const auto text, file->text());
      TRY_ASSIGN(action.setting, read_setting(text, value, false));
    } else {
      TRY_ASSIGN(action.task, read_task_name(*task, scenario));
    }
    scenario.actions.push_back(std::move(action));
  }
  return {};
}

base::Result<> read_action_conditions(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto elements, node.elements());
  for (std::size_t i = 0; i < elements.size(); ++i) {
    TRY_ASSIGN(const auto when, elements[i].need("when"));
    TRY_ASSIGN(scenario.actions[i].when, read_condition(when, scenario));
  }
  return {};
}

base::Result<> read_marks(const Node& node, Scenario& scenario) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, when] : members) {
    if (!is_name(name)) {
      return when.fail("expected a name: letters, digits, '-', '_', '.' and blanks");
    }
    TRY_ASSIGN(auto condition, read_condition(when, scenario));
    scenario.marks.push_back({.name = name, .when = std::move(condition)});
  }
  return {};
}

std::vector<std::string> group_names(const Scenario& scenario) {
  std::vector<std::string> names;
  names.reserve(scenario.groups.size());
  for (const auto& group : scenario.groups) {
    names.push_back(group.path);
  }
  return names;
}

base::Result<std::string> read_group_name(const Node& node, const Scenario& scenario) {
  TRY_ASSIGN(auto name, node.text());
  if (scenario.find_group(name) == nullptr) {
    return node.unknown("a group of this scenario", name, group_names(scenario));
  }
  return name;
}

base::Result<Counter> read_counter(const Node& node, std::string_view text) {
  auto counter = parse_counter(text);
  return counter ? base::Result<Counter>(*std::move(counter)) : node.fail(std::move(counter).error());
}

}  // namespace cli::scenario

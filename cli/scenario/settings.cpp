#include "cli/scenario/settings.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

namespace cli::scenario {
namespace {

using Form = ControlFile::Form;

// Documentation/admin-guide/cgroup-v2.rst
constexpr std::array kFiles{
    ControlFile{"memory.min", "memory", Form::bytes, true},
    ControlFile{"memory.low", "memory", Form::bytes, true},
    ControlFile{"memory.high", "memory", Form::bytes, true},
    ControlFile{"memory.max", "memory", Form::bytes, true},
    ControlFile{"memory.swap.high", "memory", Form::bytes, true},
    ControlFile{"memory.swap.max", "memory", Form::bytes, true},
    ControlFile{"memory.zswap.max", "memory", Form::bytes, true},
    ControlFile{"memory.oom.group", "memory", Form::flag, true},
    ControlFile{"pids.max", "pids", Form::count, true},
    ControlFile{"cpu.max", "cpu", Form::text, true},
    ControlFile{"cpu.weight", "cpu", Form::count, true},
    ControlFile{"cpuset.cpus", "cpuset", Form::text, true},
    ControlFile{"cpuset.mems", "cpuset", Form::text, true},
    ControlFile{"cgroup.freeze", "", Form::flag, true},
    ControlFile{"cgroup.max.descendants", "", Form::count, true},
    ControlFile{"cgroup.kill", "", Form::flag, false},
    ControlFile{"memory.reclaim", "memory", Form::bytes, false},
};

std::vector<std::string> names(bool only_limits) {
  std::vector<std::string> all;
  for (const auto& file : kFiles) {
    if (file.is_limit || !only_limits) {
      all.emplace_back(file.name);
    }
  }
  return all;
}

base::Result<std::string> value_of(const ControlFile& file, const Node& value) {
  switch (file.form) {
    case Form::flag: {
      if (value.is_number()) {
        TRY_ASSIGN(const auto number, value.whole(0, 1));
        return number == 1 ? "1" : "0";
      }
      TRY_ASSIGN(const bool on, value.truth());
      return on ? "1" : "0";
    }
    case Form::count: {
      TRY_ASSIGN(const auto number, value.whole(0, INT32_MAX));
      return fmt::format("{}", number);
    }
    case Form::bytes: {
      TRY_ASSIGN(const auto bytes, value.size());
      return fmt::format("{}", bytes);
    }
    case Form::text:
      break;
  }
  TRY_ASSIGN(auto text, value.scalar());
  if (text.find('\n') != std::string::npos) {
    return value.fail("a control file takes one line");
  }
  return text;
}

}  // namespace

std::span<const ControlFile> control_files() {
  return kFiles;
}

const ControlFile* find_control_file(std::string_view name) {
  const auto found = std::ranges::find(kFiles, name, &ControlFile::name);
  return found == kFiles.end() ? nullptr : &*found;
}

std::vector<std::string> controllers_of(const Scenario& scenario) {
  std::vector<std::string> all;
  const auto add = [&all](const Setting& setting) {
    const auto* file = find_control_file(setting.file);
    const std::string controller(file == nullptr ? "" : file->controller);
    const bool is_usual = controller.empty() || controller == "memory" || controller == "pids";
    if (!is_usual && std::ranges::find(all, controller) == all.end()) {
      all.push_back(controller);
    }
  };
  for (const auto& group : scenario.groups) {
    std::ranges::for_each(group.settings, add);
  }
  for (const auto& action : scenario.actions) {
    add(action.setting);
  }
  return all;
}

base::Result<Setting> read_setting(std::string_view name, const Node& value, bool only_limits) {
  const auto* file = find_control_file(name);
  if (file == nullptr || (only_limits && !file->is_limit)) {
    return value.unknown(only_limits ? "a limit of a cgroup" : "a control file that can be written", name,
                         names(only_limits));
  }
  const bool may_be_max = file->is_limit && (file->form == Form::bytes || file->form == Form::count);
  if (may_be_max && value.is("max")) {
    return Setting{.file = std::string(name), .value = "max"};
  }
  TRY_ASSIGN(auto text, value_of(*file, value));
  return Setting{.file = std::string(name), .value = std::move(text)};
}

}  // namespace cli::scenario

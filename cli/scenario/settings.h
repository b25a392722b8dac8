#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/scenario/node.h"
#include "cli/scenario/scenario.h"

// The control files that a scenario may write.
namespace cli::scenario {

struct ControlFile {
  enum class Form { bytes, count, flag, text };
  std::string_view name, controller;
  Form form;
  bool is_limit;  // given in `groups`; the others only in `actions`
};

std::span<const ControlFile> control_files();
const ControlFile* find_control_file(std::string_view name);

// The controllers, besides memory and pids, that these settings need in cgroup.subtree_control.
std::vector<std::string> controllers_of(const Scenario& scenario);

// The member as a setting: a size, a number, true or false, a text, as the file wants it; "max" where it means
// something.
base::Result<Setting> read_setting(std::string_view name, const Node& value, bool only_limits);

}  // namespace cli::scenario

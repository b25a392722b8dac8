#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/scenario/node.h"
#include "cli/scenario/scenario.h"

// The parts of read_scenario(), one file each. Names of groups, tasks, actions and marks are those of `scenario`, which
// is filled in this order.
namespace cli::scenario {

base::Result<> read_needs(const Node& node, Needs& needs);
base::Result<> read_groups(const Node& node, Scenario& scenario);
// Without their conditions, which may name what comes later in the file.
base::Result<> read_tasks(const Node& node, Scenario& scenario);
base::Result<> read_actions(const Node& node, Scenario& scenario);
base::Result<> read_task_conditions(const Node& node, Scenario& scenario);
base::Result<> read_action_conditions(const Node& node, Scenario& scenario);
base::Result<> read_marks(const Node& node, Scenario& scenario);
base::Result<> read_expectations(const Node& node, Scenario& scenario);

base::Result<Condition> read_condition(const Node& node, const Scenario& scenario);

// A value to compare with: a number, a size, a duration, or an object of bounds, as the unit has it.
base::Result<Range> read_range(const Node& node, Unit unit);
// Of an object that holds other members besides; nothing when it has none of the bounds.
base::Result<std::optional<Range>> read_bounds(const Node& node, Unit unit);
// The names of the bounds.
std::vector<std::string> bound_names();

base::Result<std::string> read_group_name(const Node& node, const Scenario& scenario);
base::Result<std::string> read_task_name(const Node& node, const Scenario& scenario);
base::Result<Counter> read_counter(const Node& node, std::string_view text);

// The names that a scenario has, for messages.
std::vector<std::string> group_names(const Scenario& scenario);
std::vector<std::string> task_names(const Scenario& scenario);

// Whether it can be the name of a task, an action or a mark: letters, digits, '_', '.', '-' and blanks, up to 64.
bool is_name(std::string_view text);

}  // namespace cli::scenario

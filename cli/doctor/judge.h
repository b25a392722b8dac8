#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/doctor/facts.h"

namespace cli::doctor {

enum class State { ok, limited, missing };

std::string_view state_name(State state);  // "ok", "limited", "missing"

// One thing this machine has or lacks.
struct Finding {
  std::string item;  // stable: "memory controller"
  State state = State::ok;
  std::string found;        // what is there
  std::string consequence;  // what that means for the user; empty when it is as it should be
  std::string remedy;       // the way out as commands or a sentence; empty when none is needed or there is none
  bool operator==(const Finding&) const = default;
};

// Every item, always all of them, in the order in which they are shown.
std::vector<Finding> judge(const Facts& facts);

// What `--backend auto` takes here: "host", "vm", or nothing when no job can be run.
std::optional<std::string_view> chosen_backend(const Facts& facts);

}  // namespace cli::doctor

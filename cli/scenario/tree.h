#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cgroup/group.h"
#include "cli/scenario/counter.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// The scenario's cgroups below one fresh group of ours, made with their settings, which are read back. Removed with all
// that is in them by the destructor.
class Tree {
 public:
  // An error of kind unsupported says what this machine cannot; then nothing is left behind.
  static base::Result<Tree> create(const std::filesystem::path& parent, const Scenario& scenario);

  [[nodiscard]] cgroup::Group& top() { return top_; }
  [[nodiscard]] const cgroup::Group& top() const { return top_; }
  // Of a group of the scenario, by its path.
  [[nodiscard]] const cgroup::Dir& dir(const std::string& group) const { return dirs_.at(group); }
  // The settings of a group as the kernel has them.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> settings(const GroupSpec& group) const;
  [[nodiscard]] std::string kernel_path(const std::string& group) const { return top_.kernel_path() + "/" + group; }

 private:
  explicit Tree(cgroup::Group top) : top_(std::move(top)) {}
  base::Result<> add(const GroupSpec& group, const std::string& controllers);

  cgroup::Group top_;
  std::map<std::string, cgroup::Dir> dirs_;
};

// Writes one setting and reads it back; a limit may come back rounded down to a page.
base::Result<> apply(const cgroup::Dir& dir, const Setting& setting);

// All numbers of a cgroup, exact: what its per-CPU parts hold is added up first.
cgroup::Counters read_all_counters(const cgroup::Dir& dir);

// One counter of it; nothing when this kernel has none of it.
std::optional<double> read_counter(const cgroup::Dir& dir, const Counter& counter);

}  // namespace cli::scenario

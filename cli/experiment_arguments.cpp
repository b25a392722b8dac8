#include "cli/experiment_arguments.h"

#include <charconv>
#include <limits>

#include <fmt/format.h>

#include "base/escape.h"
#include "cgroup/parse.h"

namespace cli {
namespace {

using LimitMember = std::optional<cgroup::Limit> cgroup::Limits::*;
constexpr std::pair<const char*, LimitMember> kLimits[] = {
    {"memory.max", &cgroup::Limits::memory_max},    {"memory.high", &cgroup::Limits::memory_high},
    {"memory.min", &cgroup::Limits::memory_min},    {"memory.low", &cgroup::Limits::memory_low},
    {"memory.swap.max", &cgroup::Limits::swap_max}, {"memory.zswap.max", &cgroup::Limits::zswap_max},
    {"pids.max", &cgroup::Limits::pids_max}};

base::Result<std::int64_t> parse_number(std::string_view text) {
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    return base::expected_but_got("a number", text);
  }
  return number;
}

template <typename T>
Options::Setter number_setter(std::optional<T>& target) {
  return [&target](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(const auto number, parse_number(text));
    target = static_cast<T>(number);
    return {};
  };
}

Options::Setter nanoseconds_setter(std::optional<std::chrono::nanoseconds>& target) {
  return [&target](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(const auto number, parse_number(text));
    target = std::chrono::nanoseconds(number);
    return {};
  };
}

base::Result<std::pair<std::string, std::string>> split_pair(std::string_view text) {
  const auto at = text.find('=');
  if (at == std::string_view::npos) {
    return base::expected_but_got("NAME=VALUE", text);
  }
  return std::pair{std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

std::vector<std::string> limits_to_arguments(const cgroup::Limits& limits) {
  std::vector<std::string> words;
  for (const auto& [file, member] : kLimits) {
    if (const auto& limit = limits.*member) {
      words.push_back(fmt::format("--limit={}={}", file, limit->bytes ? fmt::format("{}", *limit->bytes) : "max"));
    }
  }
  if (limits.oom_group) {
    words.emplace_back(*limits.oom_group ? "--oom-group=1" : "--oom-group=0");
  }
  return words;
}

}  // namespace

std::vector<std::string> to_arguments(const Experiment& experiment) {
  std::vector<std::string> words = limits_to_arguments(experiment.limits);
  const auto add = [&words](std::string_view name, std::string_view value) {
    words.push_back(fmt::format("--{}={}", name, value));
  };
  if (experiment.oom_score_adj) {
    add("oom-score-adj", fmt::format("{}", *experiment.oom_score_adj));
  }
  if (experiment.shm_bytes) {
    add("shm-bytes", fmt::format("{}", *experiment.shm_bytes));
  }
  if (experiment.timeout) {
    add("timeout-ns", fmt::format("{}", experiment.timeout->count()));
  }
  if (experiment.thrash_timeout) {
    add("thrash-timeout-ns", fmt::format("{}", experiment.thrash_timeout->count()));
  }
  add("sample-ns", fmt::format("{}", experiment.sample_period.count()));
  if (experiment.root) {
    add("root", *experiment.root);
  }
  if (experiment.working_folder) {
    add("working-folder", *experiment.working_folder);
  }
  if (experiment.uid) {
    add("uid", fmt::format("{}", *experiment.uid));
  }
  if (experiment.gid) {
    add("gid", fmt::format("{}", *experiment.gid));
  }
  if (!experiment.faults.empty()) {
    add("faults", experiment.faults);
  }
  if (experiment.workload) {
    add("workload", experiment.workload->name);
    for (const auto& [name, value] : experiment.workload->parameters) {
      add("parameter", fmt::format("{}={}", name, value));
    }
  }
  if (experiment.progress) {
    words.emplace_back("--progress");
  }
  if (experiment.in_guest) {
    words.emplace_back("--in-guest");
  }
  words.emplace_back("--");
  words.insert(words.end(), experiment.command.begin(), experiment.command.end());
  return words;
}

void bind_experiment(Options& options, Experiment& experiment) {
  options.value(
      "limit", 0, "FILE=VALUE", "a limit of the cgroup",
      [&experiment](std::string_view text) -> base::Result<> {
        TRY_ASSIGN(const auto pair, split_pair(text));
        for (const auto& [file, member] : kLimits) {
          if (pair.first == file) {
            TRY_ASSIGN(experiment.limits.*member, cgroup::parse_limit(pair.second));
            return {};
          }
        }
        return base::expected_but_got("a control file of the memory or pids controller", text);
      },
      true);
  options.value("oom-group", 0, "0|1", "memory.oom.group", [&experiment](std::string_view text) -> base::Result<> {
    experiment.limits.oom_group = text == "1";
    return {};
  });
  options.value("oom-score-adj", 0, "N", "of the command", number_setter(experiment.oom_score_adj));
  options.value("shm-bytes", 0, "N", "of its /dev/shm", number_setter(experiment.shm_bytes));
  options.value("timeout-ns", 0, "N", "time-out", nanoseconds_setter(experiment.timeout));
  options.value("thrash-timeout-ns", 0, "N", "stall time-out", nanoseconds_setter(experiment.thrash_timeout));
  options.value("sample-ns", 0, "N", "recorder's period", [&experiment](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(const auto number, parse_number(text));
    experiment.sample_period = std::chrono::nanoseconds(number);
    return {};
  });
  options.text("root", experiment.root, "DIR", "chroot of the command");
  options.text("working-folder", experiment.working_folder, "DIR", "inside root");
  options.value("uid", 0, "N", "of the command", number_setter(experiment.uid));
  options.value("gid", 0, "N", "of the command", number_setter(experiment.gid));
  options.value("workload", 0, "NAME", "name of the built-in workload",
                [&experiment](std::string_view text) -> base::Result<> {
                  experiment.workload.emplace().name = text;
                  return {};
                });
  options.value(
      "parameter", 0, "NAME=VALUE", "of the workload",
      [&experiment](std::string_view text) -> base::Result<> {
        TRY_ASSIGN(auto pair, split_pair(text));
        if (!experiment.workload) {
          return base::fail(base::ErrorKind::usage, "comes before --workload");
        }
        experiment.workload->parameters.push_back(std::move(pair));
        return {};
      },
      true);
  options.value("faults", 0, "PLAN", "which system calls fail", [&experiment](std::string_view text) -> base::Result<> {
    experiment.faults = text;
    return {};
  });
  options.flag("progress", experiment.progress, "a line on stderr");
  options.flag("in-guest", experiment.in_guest, "the machine is a guest");
}

}  // namespace cli

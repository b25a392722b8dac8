#include "forensics/reconcile.h"

#include <algorithm>

#include <fmt/format.h>

namespace forensics {
namespace {

std::string processes(std::uint64_t count) {
  return count == 1 ? "1 kill" : fmt::format("{} kills", count);
}

// Why a log can lack kills: "Killed process" lines are never rate-limited, so they were lost, filtered or are not in
// this log.
std::string why_log_misses(const Postmortem& document, std::uint64_t difference) {
  const auto lost = std::ranges::any_of(document.warnings, [](const Warning& warning) {
    return warning.code == "log_overrun" || warning.code == "kernel_log_overrun" || warning.code == "input_damaged";
  });
  const auto unnamed = std::ranges::count_if(document.incidents, [](const Incident& incident) {
    return incident.kind == "oom_kill" && incident.victims.empty();
  });
  const bool begins_within =
      !document.incidents.empty() &&
      std::ranges::find(document.incidents.front().missing, "trigger") != document.incidents.front().missing.end();
  const bool left_out =
      std::ranges::any_of(document.warnings, [](const Warning& warning) { return warning.code == "not_selected"; });
  if (lost) {
    return "records of the log were lost before they were read";
  }
  if (unnamed > 0 && static_cast<std::uint64_t>(unnamed) >= difference) {
    return fmt::format("{} report{} of the log {} without the line that names the victim", unnamed,
                       unnamed == 1 ? "" : "s", unnamed == 1 ? "is" : "are");
  }
  if (begins_within) {
    return "the log begins within a report: what was before is not in it";
  }
  if (left_out) {
    return "incidents were left out by time or host";
  }
  return "the others happened before this log begins, or their lines were filtered, or the victim was exiting already, "
         "which is counted and not printed";
}

std::string why_counter_misses(const Reconciliation& made) {
  if (made.source == "vmstat") {
    return "the counter starts anew with each boot, so the log holds more than this boot, or another machine's kills";
  }
  return "the counter starts anew when the group is made again, so the log holds kills of an earlier group of that "
         "name, "
         "or the file is of another group";
}

}  // namespace

Reconciliation reconcile(const Postmortem& document, std::string source, Text cgroup, std::uint64_t logged,
                         std::uint64_t counted) {
  Reconciliation made{.source = std::move(source),
                      .cgroup = std::move(cgroup),
                      .logged = logged,
                      .counted = counted,
                      .code = "equal",
                      .words = {}};
  const auto what =
      fmt::format("{} counts {}, the log shows {}", made.source == "vmstat" ? "/proc/vmstat" : made.source,
                  processes(counted), logged == 0 ? "none" : fmt::to_string(logged));
  if (counted == logged) {
    made.words = fmt::format("{} and the log agree: {}", made.source == "vmstat" ? "/proc/vmstat" : made.source,
                             processes(counted));
  } else if (counted > logged) {
    made.code = "log_misses_kills";
    made.words = fmt::format("{}: {}", what, why_log_misses(document, counted - logged));
  } else {
    made.code = "counter_misses_kills";
    made.words = fmt::format("{}: {}", what, why_counter_misses(made));
  }
  return made;
}

}  // namespace forensics

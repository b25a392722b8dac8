#include <cmath>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "cli/scenario/findings.h"
#include "forensics/json.h"

namespace cli::scenario {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json text(const std::string& bytes) {
  return base::to_valid_utf8(bytes);
}

Json counters(const cgroup::Counters& values) {
  auto object = Json::object();
  for (const auto& [name, value] : values) {
    object[base::to_valid_utf8(name)] = value;
  }
  return object;
}

Json write(const TaskFinding& task) {
  auto observations = Json::array();
  for (const auto& seen : task.observations) {
    observations.push_back(
        {{"step", text(seen.step)}, {"name", text(seen.name)}, {"value", seen.value}, {"unit", text(seen.unit)}});
  }
  return {{"name", text(task.name)},
          {"copy", task.copy},
          {"group", text(task.group)},
          {"pid", optional(task.pid)},
          {"started_s", optional(task.started_s)},
          {"ended_s", optional(task.ended_s)},
          {"exit_code", optional(task.exit_code)},
          {"signal", optional(task.signal)},
          {"end", task.end},
          {"reason", task.reason ? text(*task.reason) : Json(nullptr)},
          {"observations", std::move(observations)}};
}

constexpr std::int64_t kMicro = 1'000'000;

Json seconds(const std::optional<std::chrono::microseconds>& time) {
  return time ? Json(static_cast<double>(time->count()) / kMicro) : Json(nullptr);
}

Json write(const std::vector<cgroup::Sample>& timeline) {
  auto columns = Json::array();
  for (const auto name : forensics::kTimelineColumns) {
    columns.push_back(name);
  }
  auto rows = Json::array();
  for (const auto& sample : timeline) {
    const auto t = std::chrono::duration_cast<std::chrono::microseconds>(sample.t);
    rows.push_back({static_cast<double>(t.count()) / kMicro, optional(sample.memory), optional(sample.swap),
                    optional(sample.anon), optional(sample.file), optional(sample.shmem), optional(sample.kernel),
                    seconds(sample.psi_some), seconds(sample.psi_full)});
  }
  return {{"columns", std::move(columns)}, {"rows", std::move(rows)}};
}

Json write(const GroupFinding& group) {
  auto settings = Json::object();
  for (const auto& [file, value] : group.settings) {
    settings[file] = text(value);
  }
  return {{"name", text(group.name)},
          {"kernel_path", text(group.kernel_path)},
          {"settings", std::move(settings)},
          {"at_end", counters(group.at_end)},
          {"highest", counters(group.highest)},
          {"timeline", group.timeline.empty() ? Json(nullptr) : write(group.timeline)}};
}

Json write(const MarkFinding& mark) {
  auto groups = Json::object();
  for (const auto& [name, values] : mark.groups) {
    groups[name] = counters(values);
  }
  return {{"name", text(mark.name)}, {"t_s", optional(mark.t_s)}, {"groups", std::move(groups)}};
}

Json write(const ActionFinding& action) {
  return {{"name", text(action.name)}, {"t_s", optional(action.t_s)}, {"result", action.result}};
}

Json write(const VictimFinding& victim) {
  return {{"pid", victim.pid},
          {"comm", text(victim.comm)},
          {"task", victim.task.empty() ? Json(nullptr) : text(victim.task)},
          {"group", victim.group.empty() ? Json(nullptr) : text(victim.group)}};
}

Json write(const std::string& line) {
  return text(line);
}

template <typename T>
Json list(const std::vector<T>& all) {
  auto array = Json::array();
  for (const auto& each : all) {
    array.push_back(write(each));
  }
  return array;
}

// The other direction. Members that are missing leave the default; what has the wrong type throws, which
// findings_from_json() turns into an error.
template <typename T>
void read(const Json& object, const char* name, T& target) {
  if (const auto found = object.find(name); found != object.end() && !found->is_null()) {
    target = found->template get<T>();
  }
}

template <typename T>
void read(const Json& object, const char* name, std::optional<T>& target) {
  if (const auto found = object.find(name); found != object.end() && !found->is_null()) {
    target = found->template get<T>();
  }
}

cgroup::Counters read_counters(const Json& object, const char* name) {
  cgroup::Counters values;
  if (const auto found = object.find(name); found != object.end()) {
    for (const auto& [key, value] : found->items()) {
      values.emplace_back(key, value.get<std::uint64_t>());
    }
  }
  return values;
}

void read(const Json& object, TaskFinding& task) {
  read(object, "name", task.name);
  read(object, "copy", task.copy);
  read(object, "group", task.group);
  read(object, "pid", task.pid);
  read(object, "started_s", task.started_s);
  read(object, "ended_s", task.ended_s);
  read(object, "exit_code", task.exit_code);
  read(object, "signal", task.signal);
  read(object, "end", task.end);
  read(object, "reason", task.reason);
  for (const auto& seen : object.value("observations", Json::array())) {
    auto& observation = task.observations.emplace_back();
    read(seen, "step", observation.step);
    read(seen, "name", observation.name);
    read(seen, "value", observation.value);
    read(seen, "unit", observation.unit);
  }
}

std::optional<std::chrono::microseconds> read_time(const Json& cell) {
  constexpr double kLongest = 3.2e9;  // a hundred years
  if (!cell.is_number() || cell.get<double>() < 0 || cell.get<double>() > kLongest) {
    return std::nullopt;
  }
  return std::chrono::microseconds(std::llround(cell.get<double>() * kMicro));
}

std::vector<cgroup::Sample> read_timeline(const Json& object) {
  std::vector<cgroup::Sample> samples;
  const auto found = object.find("timeline");
  if (found == object.end() || found->is_null()) {
    return samples;
  }
  const auto number = [](const Json& cell) {
    return cell.is_null() ? std::nullopt : std::optional(cell.get<std::uint64_t>());
  };
  for (const auto& row : found->at("rows")) {
    samples.push_back({.t = read_time(row.at(0)).value_or(std::chrono::microseconds(0)),
                       .memory = number(row.at(1)),
                       .swap = number(row.at(2)),
                       .anon = number(row.at(3)),
                       .file = number(row.at(4)),
                       .shmem = number(row.at(5)),
                       .kernel = number(row.at(6)),
                       .psi_some = read_time(row.at(7)),
                       .psi_full = read_time(row.at(8))});
  }
  return samples;
}

void read(const Json& object, GroupFinding& group) {
  read(object, "name", group.name);
  read(object, "kernel_path", group.kernel_path);
  const auto settings = object.value("settings", Json::object());
  for (const auto& [file, value] : settings.items()) {
    group.settings.emplace_back(file, value.get<std::string>());
  }
  group.at_end = read_counters(object, "at_end");
  group.highest = read_counters(object, "highest");
  group.timeline = read_timeline(object);
}

void read(const Json& object, MarkFinding& mark) {
  read(object, "name", mark.name);
  read(object, "t_s", mark.t_s);
  const auto groups = object.value("groups", Json::object());
  for (const auto& [name, values] : groups.items()) {
    mark.groups.emplace_back(name, read_counters(groups, name.c_str()));
  }
}

void read(const Json& object, ActionFinding& action) {
  read(object, "name", action.name);
  read(object, "t_s", action.t_s);
  read(object, "result", action.result);
}

void read(const Json& object, VictimFinding& victim) {
  read(object, "pid", victim.pid);
  read(object, "comm", victim.comm);
  read(object, "task", victim.task);
  read(object, "group", victim.group);
}

template <typename T>
void read_list(const Json& object, const char* name, std::vector<T>& all) {
  for (const auto& each : object.value(name, Json::array())) {
    read(each, all.emplace_back());
  }
}

void read(const Json& object, Findings& findings) {
  read(object, "scenario", findings.scenario);
  read(object, "backend", findings.backend);
  read(object, "kernel", findings.kernel);
  read(object, "verdict", findings.verdict);
  read(object, "reason", findings.reason);
  read(object, "duration_s", findings.duration_s);
  read(object, "first_kill_s", findings.first_kill_s);
  read_list(object, "tasks", findings.tasks);
  read_list(object, "groups", findings.groups);
  read_list(object, "marks", findings.marks);
  read_list(object, "actions", findings.actions);
  read_list(object, "victims", findings.victims);
  read(object, "kernel_complaints", findings.kernel_complaints);
  read(object, "has_kernel_log", findings.has_kernel_log);
}

}  // namespace

std::string findings_to_json(const Findings& findings) {
  const Json object = {
      {"scenario", text(findings.scenario)},
      {"backend", findings.backend},
      {"kernel", text(findings.kernel)},
      {"verdict", findings.verdict},
      {"reason", findings.reason ? text(*findings.reason) : Json(nullptr)},
      {"duration_s", findings.duration_s},
      {"first_kill_s", optional(findings.first_kill_s)},
      {"tasks", list(findings.tasks)},
      {"groups", list(findings.groups)},
      {"marks", list(findings.marks)},
      {"actions", list(findings.actions)},
      {"victims", list(findings.victims)},
      {"kernel_complaints", list(findings.kernel_complaints)},
      {"has_kernel_log", findings.has_kernel_log},
      {"postmortem", Json::parse(forensics::to_json(findings.postmortem, forensics::Layout::line), nullptr, false)}};
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

base::Result<Findings> findings_from_json(std::string_view text) {
  const auto object = Json::parse(text, nullptr, false);
  if (!object.is_object()) {
    return base::fail(base::ErrorKind::parse, "the findings of a scenario: expected a JSON object");
  }
  Findings findings;
  try {
    read(object, findings);
  } catch (const Json::exception& error) {
    return base::fail(base::ErrorKind::parse,
                      fmt::format("the findings of a scenario: {}", base::escape_terminal(error.what())));
  }
  if (const auto found = object.find("postmortem"); found != object.end()) {
    TRY_ASSIGN(findings.postmortem, forensics::from_json(found->dump(-1, ' ', false, Json::error_handler_t::replace)));
  }
  return findings;
}

}  // namespace cli::scenario

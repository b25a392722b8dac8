#include "cli/concerns.h"

#include <algorithm>
#include <set>

namespace cli {
namespace {

bool is_above(const std::string& logged_path, const std::string& group_path) {
  return logged_path == "/" || (group_path.starts_with(logged_path) && group_path.size() > logged_path.size() &&
                                group_path[logged_path.size()] == '/');
}

bool is_ours(const forensics::Incident& incident, const forensics::Victim& victim, const std::string& group_path,
             std::int64_t pid) {
  if (victim.pid == pid) {
    return true;
  }
  if (victim.task_memcg) {
    return within_group(*victim.task_memcg, group_path);
  }
  return incident.cgroup && incident.cgroup->oom_memcg && within_group(*incident.cgroup->oom_memcg, group_path);
}

}  // namespace

bool within_group(const std::string& logged_path, const std::string& group_path) {
  const auto name = group_path.substr(group_path.rfind('/'));
  const auto at = logged_path.find(name);
  return at != std::string::npos && (at + name.size() == logged_path.size() || logged_path[at + name.size()] == '/');
}

bool concerns(const forensics::Incident& incident, const std::string& group_path, std::int64_t pid) {
  if (incident.scope != "memcg" || !incident.cgroup) {
    return true;
  }
  for (const auto& path : {incident.cgroup->oom_memcg, incident.cgroup->task_memcg}) {
    if (path && within_group(*path, group_path)) {
      return true;
    }
  }
  if (incident.cgroup->oom_memcg && is_above(*incident.cgroup->oom_memcg, group_path)) {
    return true;
  }
  return std::ranges::any_of(incident.victims, [pid](const auto& victim) { return victim.pid == pid; });
}

std::uint64_t count_kills(const std::vector<forensics::Incident>& incidents, const std::string& group_path,
                          std::int64_t pid) {
  std::set<std::int64_t> killed;
  for (const auto& incident : incidents) {
    if (incident.kind != "oom_kill") {
      continue;
    }
    for (const auto& victim : incident.victims) {
      if (is_ours(incident, victim, group_path, pid)) {
        killed.insert(victim.pid);
      }
    }
  }
  return killed.size();
}

}  // namespace cli

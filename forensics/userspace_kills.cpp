#include "forensics/userspace_kills.h"

#include <algorithm>

#include "forensics/excerpt.h"

namespace forensics {
namespace {

constexpr std::size_t kMostVictims = 10000;
constexpr std::size_t kMostHosts = 256;
constexpr std::size_t kMostClues = 50;
constexpr std::string_view kLineKind = "kill from user space";

using Kind = lines::UserspaceLine::Kind;

template <typename T>
void fill(std::optional<T>& into, const std::optional<T>& value) {
  if (!into) {
    into = value;
  }
}

// nohang numbers and names the process on one line and scores it on the next.
void merge(Victim& into, const Victim& from) {
  fill(into.comm, from.comm);
  fill(into.uid, from.uid);
  fill(into.score, from.score);
  fill(into.oom_score_adj, from.oom_score_adj);
}

void add_victim(std::vector<Victim>& victims, const Victim& victim) {
  const auto same =
      victim.pid == 0 && !victims.empty() ? victims.end() - 1 : std::ranges::find(victims, victim.pid, &Victim::pid);
  if (same != victims.end()) {
    merge(*same, victim);
  } else if (victim.pid != 0 && victims.size() < kMostVictims) {
    victims.push_back(victim);
  }
}

}  // namespace

void UserspaceKills::remember(Clues& clues, const lines::UserspaceLine& line, std::string_view text,
                              std::uint64_t number) {
  if (line.killer == "nohang" && !line.victims.empty() && line.victims[0].pid != 0) {
    // One victim at a time: a second block means that nothing came of the first.
    if (clues.victims.empty() || clues.victims[0].pid != line.victims[0].pid) {
      clues = {};
    }
  }
  if (clues.log.first_line == 0) {
    clues.log.first_line = number;
  }
  if (clues.log.lines.size() < kMostClues) {
    add_line(clues.log, kLineKind, text, number);
  }
  if (line.memcg) {
    clues.memcg = std::string(*line.memcg);
  }
  for (const auto& victim : line.victims) {
    add_victim(clues.victims, victim);
  }
}

std::optional<Incident> UserspaceKills::add(const lines::UserspaceLine& line, const Record& record,
                                            std::uint64_t number) {
  std::string key(line.killer);
  key += '|';
  key += record.host;
  if (line.kind == Kind::clue) {
    if (clues_.size() < kMostHosts || clues_.contains(key)) {
      remember(clues_[key], line, record.message, number);
    }
    return std::nullopt;
  }
  if (line.kind != Kind::kill) {
    clues_.erase(key);
    return std::nullopt;
  }
  Clues clues;
  if (const auto found = clues_.find(key); found != clues_.end()) {
    clues = std::move(found->second);
    clues_.erase(found);
  }
  Incident incident;
  incident.kind = "userspace_kill";
  incident.killer = std::string(line.killer);
  incident.complete = true;
  incident.log = std::move(clues.log);
  incident.log.input = input_;
  incident.log.last_line = number;
  if (incident.log.first_line == 0) {
    incident.log.first_line = number;
  }
  add_line(incident.log, kLineKind, record.message, number);
  incident.time.monotonic_s = record.monotonic_s;
  if (record.wall) {
    incident.time.realtime = to_text(*record.wall);
  }
  if (!record.host.empty()) {
    incident.time.host = std::string(record.host);
  }
  const auto memcg = line.memcg ? std::optional(std::string(*line.memcg)) : clues.memcg;
  if (memcg) {
    incident.cgroup.emplace().task_memcg = memcg;
  }
  // A cgroup is the target of those who kill cgroups; nohang only says where its victim lived.
  incident.scope = memcg && line.killer != "nohang" ? "memcg" : "unknown";
  incident.victims = std::move(clues.victims);
  for (const auto& victim : line.victims) {
    add_victim(incident.victims, victim);
  }
  for (std::size_t i = 1; i < incident.victims.size(); ++i) {
    incident.victims[i].role = "group";
  }
  return incident;
}

bool UserspaceKills::adds_to(Incident& last, const lines::UserspaceLine& line, const Record& record,
                             std::uint64_t number) {
  if (last.kind != "userspace_kill" || last.killer != line.killer || last.time.host.value_or("") != record.host) {
    return false;
  }
  if (line.kind == Kind::detail) {
    if (line.allocating && !last.trigger.comm) {
      last.trigger.comm = std::string(*line.allocating);
      last.trigger.pid = line.allocating_pid;
    }
  } else if (line.kind == Kind::kill) {
    const auto& memcg = last.cgroup ? last.cgroup->task_memcg : std::nullopt;
    // SIGKILL after SIGTERM, and oomd's line in the kernel's log after its own.
    const bool again = !line.victims.empty() && !last.victims.empty() && last.victims[0].pid == line.victims[0].pid;
    const bool both = line.killer == "oomd" && line.victims.empty() && line.memcg && !last.victims.empty() &&
                      (!memcg || memcg->ends_with(*line.memcg) || line.memcg->ends_with(*memcg));
    if (!again && !both) {
      return false;
    }
    if (both && !memcg) {
      last.cgroup.emplace().task_memcg = std::string(*line.memcg);
      last.scope = "memcg";
    }
  } else {
    return false;
  }
  last.log.last_line = number;
  add_line(last.log, kLineKind, record.message, number);
  return true;
}

}  // namespace forensics

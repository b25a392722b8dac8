#include "cli/replay/cast_list.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "base/bytes.h"

namespace cli::replay {
namespace {

constexpr std::size_t kMostRoles = 64;
constexpr unsigned kMostCopies = 32;
constexpr std::uint64_t kSmallest = 64U << 10;      // of a task
constexpr std::uint64_t kLeastUnlisted = 1U << 20;  // smaller parts are noise
constexpr std::int64_t kExempt = -1000;

// Kernel memory that no process's RSS holds, by its part of the breakdown, and the workload that makes such.
struct Kind {
  const char* part;
  const char* workload;
  const char* name;
};
constexpr std::array kKinds{Kind{"slab_unreclaimable", "slab", "kernel objects"},
                            Kind{"sock", "socket-leak", "socket buffers"}, Kind{"percpu", "percpu", "per-cpu"},
                            Kind{"vmalloc", "vmalloc", "kernel mapped"}};

std::uint64_t scaled(std::uint64_t bytes, double scale) {
  return static_cast<std::uint64_t>(static_cast<double>(bytes) * scale);
}

std::uint64_t without_program(std::uint64_t bytes) {
  return bytes > kProgramBytes + kSmallest ? bytes - kProgramBytes : kSmallest;
}

// Letters of a process's name that a task's may have.
std::string task_name(const std::string& comm, std::int64_t pid) {
  std::string name;
  for (const char c : comm.substr(0, 32)) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
    name += plain ? c : '_';
  }
  return fmt::format("{} {}", name.empty() ? "task" : name, pid);
}

// What the task had of its own: anonymous memory, also in swap. Before 6.8 (and in old tables) only the sum with the
// pages of files is known, which is near enough for whoever was large.
std::uint64_t own_bytes(const forensics::Task& task) {
  const auto memory = task.rss_anon_bytes ? *task.rss_anon_bytes : task.rss_bytes.value_or(0);
  return memory + task.swap_bytes.value_or(0);
}

// A killed process's line says the kinds that an older table does not.
const forensics::Victim* victim_of(const forensics::Incident& incident, std::int64_t pid) {
  const auto found = std::ranges::find(incident.victims, pid, &forensics::Victim::pid);
  return found == incident.victims.end() ? nullptr : &*found;
}

Role role_of(const forensics::Incident& incident, const forensics::Task& task, double scale) {
  const auto* victim = victim_of(incident, task.pid);
  auto anon = own_bytes(task);
  auto shmem = task.rss_shmem_bytes.value_or(0);
  if (victim != nullptr && !task.rss_anon_bytes && victim->anon_rss_bytes) {
    anon = *victim->anon_rss_bytes + task.swap_bytes.value_or(0);
    shmem = victim->shmem_rss_bytes.value_or(0);
  }
  return {.name = task_name(task.comm, task.pid),
          .workload = shmem > anon ? "shm-fill" : "anon",
          .bytes = without_program(scaled(std::max(anon, shmem), scale)),
          .oom_score_adj = task.oom_score_adj.value_or(0),
          .is_victim = victim != nullptr && victim->role == "selected",
          .is_trigger = incident.trigger.pid == task.pid};
}

// Of many the largest stay, and those that matter; the rest are copies of one, by their oom_score_adj.
std::vector<Role> merge_small(std::vector<Role> roles, std::vector<std::string>& remarks) {
  std::ranges::stable_sort(roles, std::ranges::greater{}, &Role::bytes);
  std::vector<Role> kept;
  std::map<std::int64_t, Role> merged;
  for (auto& role : roles) {
    if (kept.size() < kMostRoles || role.is_victim || role.is_trigger) {
      kept.push_back(std::move(role));
      continue;
    }
    auto& sum = merged[role.oom_score_adj];
    sum.count = sum.workload.empty() ? 1 : sum.count + 1;
    sum.workload = "anon";
    sum.oom_score_adj = role.oom_score_adj;
    sum.bytes += role.bytes;
  }
  for (auto& [score, role] : merged) {
    const unsigned all = role.count;
    role.count = std::min(role.count, kMostCopies);
    role.bytes = std::max(role.bytes / role.count, kSmallest);
    role.name = fmt::format("others {}", score);
    remarks.push_back(fmt::format("{} small tasks are {} of {} each", all, role.count, base::human_size(role.bytes)));
    kept.push_back(std::move(role));
  }
  return kept;
}

std::uint64_t part_bytes(const forensics::Incident& incident, std::string_view name) {
  const auto& parts = incident.analysis.breakdown;
  const auto found = std::ranges::find(parts, name, &forensics::Part::part);
  return found == parts.end() ? 0 : found->bytes;
}

// What fills the limit (or the machine) beside the tasks' own memory. A machine's kernel memory is its own, and a
// guest has such without our help.
void add_unlisted(const forensics::Incident& incident, double scale, CastList& list) {
  const auto add = [&](std::uint64_t bytes, const char* workload, const char* name) {
    if (bytes >= kLeastUnlisted) {
      list.roles.push_back({.name = name, .workload = workload, .bytes = without_program(scaled(bytes, scale))});
    }
  };
  std::uint64_t mapped = 0;
  for (const auto& role : list.roles) {
    mapped += role.workload == "shm-fill" ? role.bytes : 0;
  }
  const auto shmem = part_bytes(incident, "shmem");
  const auto mapped_before = static_cast<std::uint64_t>(static_cast<double>(mapped) / scale);
  add(shmem - std::min(shmem, mapped_before), "tmpfs", "files in memory");
  for (const auto& kind : kKinds) {
    if (incident.scope == "memcg") {
      add(part_bytes(incident, kind.part), kind.workload, kind.name);
    }
  }
  if (const auto file = part_bytes(incident, "file"); file > 4 * kLeastUnlisted) {
    list.remarks.push_back(fmt::format("{} of page cache are not made again", base::human_size(file)));
  }
}

// Whoever asked comes last: it grows until the kill. Where the report does not list it, somebody small does.
void put_trigger_last(const forensics::Incident& incident, CastList& list) {
  auto trigger = std::ranges::find_if(list.roles, &Role::is_trigger);
  if (trigger == list.roles.end() || trigger->oom_score_adj == kExempt) {
    list.remarks.emplace_back("who asked for memory is not among the tasks: a small process does");
    list.roles.push_back({.name = fmt::format("asker {}", incident.trigger.pid.value_or(0)),
                          .workload = "anon",
                          .bytes = kSmallest,
                          .is_trigger = true});
    return;
  }
  std::rotate(trigger, trigger + 1, list.roles.end());
}

}  // namespace

CastList make_cast_list(const forensics::Incident& incident, double scale) {
  CastList list;
  std::vector<Role> roles;
  for (const auto& task : incident.tasks) {
    // A table of an old kernel has a row for each thread.
    if (task.tgid.value_or(task.pid) == task.pid) {
      roles.push_back(role_of(incident, task, scale));
    }
  }
  list.roles = merge_small(std::move(roles), list.remarks);
  add_unlisted(incident, scale, list);
  put_trigger_last(incident, list);
  return list;
}

}  // namespace cli::replay

#include "cli/replay/cast_list.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include <fmt/format.h>

#include "base/bytes.h"

namespace cli::replay {
namespace {

constexpr std::size_t kMostRoles = 64;
constexpr unsigned kMostCopies = 32;
constexpr std::size_t kMostMerged = 5;              // kinds of small tasks; a scenario has at most 256 tasks
constexpr std::uint64_t kSmallest = 64U << 10;      // of a task
constexpr std::uint64_t kLeastUnlisted = 1U << 20;  // smaller parts are noise
constexpr std::int64_t kExempt = -1000;

// Kernel memory that no process's RSS holds, by its parts of the breakdown, and the workload that makes such. What can
// be reclaimed is made as what cannot: at a kill it was held as well.
struct Kind {
  std::array<std::string_view, 2> parts;
  std::string_view workload, name;
};
constexpr std::array kKinds{Kind{{"slab_unreclaimable", "slab_reclaimable"}, "slab", "kernel objects"},
                            Kind{{"sock"}, "socket-leak", "socket buffers"}, Kind{{"kernel_other"}, "fd-leak", "pipes"},
                            Kind{{"percpu"}, "percpu", "per-cpu"}, Kind{{"vmalloc"}, "vmalloc", "kernel mapped"}};

std::uint64_t scaled(std::uint64_t bytes, double scale) {
  constexpr double kMost = 1e18;  // a log may name any number
  return static_cast<std::uint64_t>(std::min(static_cast<double>(bytes) * scale, kMost));
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return a + std::min(b, UINT64_MAX - a);
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
  return plus(memory, task.swap_bytes.value_or(0));
}

// What the kernel chose by (oom_badness()): all of its RSS, swap and page tables.
std::uint64_t weight(const forensics::Task& task) {
  return plus(plus(task.rss_bytes.value_or(0), task.swap_bytes.value_or(0)), task.pgtables_bytes.value_or(0));
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
    anon = plus(*victim->anon_rss_bytes, task.swap_bytes.value_or(0));
    shmem = victim->shmem_rss_bytes.value_or(0);
  }
  const auto tables = task.pgtables_bytes.value_or(0);
  const char* workload = "anon";
  auto bytes = std::max(anon, weight(task));  // so that who was heavier than whom stays; share() sees to the sum
  if (tables >= kLeastUnlisted && tables > std::max(anon, shmem)) {
    workload = "page-tables";
    bytes = tables;
  } else if (shmem > anon) {
    workload = "shm-fill";
    bytes = shmem;
  }
  return {.name = task_name(task.comm, task.pid),
          .workload = workload,
          .bytes = without_program(scaled(bytes, scale)),
          .oom_score_adj = std::clamp<std::int64_t>(task.oom_score_adj.value_or(0), kExempt, -kExempt),
          .is_victim = victim != nullptr && (victim->role == "selected" || victim->role == "allocating"),
          .is_trigger = incident.trigger.pid == task.pid};
}

// Those of one oom_score_adj as copies of one.
Role copies_of(Role role, std::vector<std::string>& remarks) {
  const unsigned all = role.count;
  role.count = std::min(role.count, kMostCopies);
  role.bytes = std::max(role.bytes / role.count, kSmallest);
  role.name = fmt::format("small tasks {}", role.oom_score_adj);
  remarks.push_back(fmt::format("{} small tasks with oom_score_adj {} are {} of {} each", all, role.oom_score_adj,
                                role.count, base::human_size(role.bytes)));
  return role;
}

// Of many the largest stay, and those that matter; the rest are copies of one, by their oom_score_adj.
std::vector<Role> merge_small(std::vector<Role> roles, std::vector<std::string>& remarks) {
  std::ranges::stable_sort(roles, std::ranges::greater{}, &Role::bytes);
  std::vector<Role> kept;
  std::map<std::int64_t, Role> merged;
  for (auto& role : roles) {
    const bool matters = (role.is_victim || role.is_trigger) && kept.size() < kMostRoles + 2;
    if (kept.size() < kMostRoles || matters) {
      kept.push_back(std::move(role));
      continue;
    }
    auto& sum = merged[role.oom_score_adj];
    sum.count = sum.workload.empty() ? 1 : sum.count + 1;
    sum.workload = "anon";
    sum.oom_score_adj = role.oom_score_adj;
    sum.bytes += role.bytes;
  }
  std::vector<Role> rest;
  rest.reserve(merged.size());
  for (auto& [score, role] : merged) {
    rest.push_back(std::move(role));
  }
  std::ranges::stable_sort(rest, std::ranges::greater{}, &Role::bytes);
  for (std::size_t i = 0; i < rest.size() && i < kMostMerged; ++i) {
    kept.push_back(copies_of(std::move(rest[i]), remarks));
  }
  if (rest.size() > kMostMerged) {
    remarks.push_back(fmt::format("small tasks with {} other oom_score_adj are left out", rest.size() - kMostMerged));
  }
  return kept;
}

std::uint64_t part_bytes(const forensics::Incident& incident, std::string_view name) {
  const auto& parts = incident.analysis.breakdown;
  const auto found = std::ranges::find(parts, name, &forensics::Part::part);
  return found == parts.end() ? 0 : found->bytes;
}

// Processes that share memory (after a fork, or a mapping) hold it each by their RSS, and together once; pages of files
// are not made again at all.
void share(const forensics::Incident& incident, double scale, CastList& list) {
  std::uint64_t swap = 0;
  for (const auto& task : incident.tasks) {
    swap = plus(swap, task.swap_bytes.value_or(0));
  }
  for (const auto& [workload, part] : {std::pair{"anon", "anon"}, std::pair{"shm-fill", "shmem"}}) {
    const auto once = part_bytes(incident, part);
    const auto room = scaled(plus(once, part == std::string_view("anon") ? swap : 0), scale);
    std::uint64_t sum = 0;
    for (const auto& role : list.roles) {
      sum = plus(sum, role.workload == workload ? role.bytes * role.count : 0);
    }
    if (once == 0 || sum <= room) {
      continue;
    }
    if (sum > room + room / 8) {
      list.remarks.push_back(
          fmt::format("the tasks' RSS is {} together, {} of it memory of their own: in that proportion",
                      base::human_size(sum), base::human_size(room)));
    }
    for (auto& role : list.roles) {
      if (role.workload == workload) {
        role.bytes = std::max(scaled(role.bytes, static_cast<double>(room) / static_cast<double>(sum)), kSmallest);
      }
    }
  }
}

// What fills the limit (or the machine) beside the tasks' own memory. A machine's kernel memory is its own, and a
// guest has such without our help.
void add_unlisted(const forensics::Incident& incident, double scale, CastList& list) {
  const auto add = [&](std::uint64_t bytes, std::string_view workload, std::string_view name) {
    if (bytes >= kLeastUnlisted) {
      list.roles.push_back({.name = std::string(name),
                            .workload = std::string(workload),
                            .bytes = without_program(scaled(bytes, scale)),
                            .is_unlisted = true});
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
      add(part_bytes(incident, kind.parts[0]) + part_bytes(incident, kind.parts[1]), kind.workload, kind.name);
    }
  }
  if (const auto file = part_bytes(incident, "file"); file > 4 * kLeastUnlisted) {
    list.remarks.push_back(fmt::format("{} of page cache are not made again", base::human_size(file)));
  }
}

// Who comes last fills what is left: there must be something, or another does it. What no task is by its size gives
// way.
void leave_room(std::uint64_t limit, CastList& list) {
  const auto trigger = std::ranges::find_if(list.roles, &Role::is_trigger);
  const auto asked = trigger == list.roles.end() ? 0 : trigger->bytes;
  const auto room = limit - std::min(limit, std::max(limit / 16, std::min(asked, limit / 8)));
  std::uint64_t tasks = 0;
  std::uint64_t others = 0;
  for (const auto& role : list.roles) {
    auto& sum = role.is_unlisted ? others : tasks;
    sum += role.is_trigger ? 0 : (role.bytes + kProgramBytes) * role.count;
  }
  if (others == 0 || tasks + others <= room) {
    return;
  }
  const double factor = static_cast<double>(room - std::min(room, tasks)) / static_cast<double>(others);
  for (auto& role : list.roles) {
    role.bytes = role.is_unlisted ? std::max(scaled(role.bytes, factor), kSmallest) : role.bytes;
  }
}

// Whoever asked comes last: it grows until the kill. Where the report does not list it, somebody small does.
void put_trigger_last(CastList& list) {
  auto trigger = std::ranges::find_if(list.roles, &Role::is_trigger);
  if (trigger == list.roles.end() || trigger->oom_score_adj == kExempt) {
    list.remarks.emplace_back("who asked for memory is not among the tasks: a small process does");
    list.roles.push_back({.name = "who asked", .workload = "anon", .bytes = kSmallest, .is_trigger = true});
    return;
  }
  std::rotate(trigger, trigger + 1, list.roles.end());
}

}  // namespace

CastList make_cast_list(const forensics::Incident& incident, double scale, std::uint64_t limit_bytes) {
  CastList list;
  std::vector<Role> roles;
  std::set<std::int64_t> seen;
  for (const auto& task : incident.tasks) {
    // A table of an old kernel has a row for each thread.
    if (task.tgid.value_or(task.pid) == task.pid && seen.insert(task.pid).second) {
      roles.push_back(role_of(incident, task, scale));
    }
  }
  list.roles = merge_small(std::move(roles), list.remarks);
  share(incident, scale, list);
  add_unlisted(incident, scale, list);
  leave_room(limit_bytes, list);
  put_trigger_last(list);
  return list;
}

}  // namespace cli::replay

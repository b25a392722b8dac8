#include "forensics/verdict.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "forensics/composition.h"
#include "forensics/owner.h"

namespace forensics {
namespace {

using base::human_size;

constexpr double kWorthNaming = 0.2;

// "a.out (pid 3652)", with the others of a group.
std::string subject(const Incident& incident) {
  const auto& first = incident.victims.front();
  auto name = process_name(first.comm, first.pid);
  const auto others = incident.victims.size() - 1;
  if (others > 0) {
    name += fmt::format(" and {} more process{}", others, others == 1 ? "" : "es");
  }
  return name + (others > 0 ? " were killed" : " was killed");
}

// " of 6 MiB (+ 6 MiB swap)"
std::string limit_words(const CgroupReport& report) {
  if (!report.memory || !report.memory->limit_bytes) {
    return "";
  }
  auto words = fmt::format(" of {}", human_size(*report.memory->limit_bytes));
  if (report.swap && report.swap->limit_bytes.value_or(0) > 0) {
    words += fmt::format(" (+ {} swap)", human_size(*report.swap->limit_bytes));
  } else if (report.memsw && report.memsw->limit_bytes && *report.memsw->limit_bytes > *report.memory->limit_bytes) {
    words += fmt::format(" (+ {} swap)", human_size(*report.memsw->limit_bytes - *report.memory->limit_bytes));
  }
  return words;
}

// "docker container ad6c46b55052 (web-1)": the name only where the runtime told it of that very cgroup.
std::string limited_name(const CgroupReport& report) {
  if (!report.oom_memcg) {
    return "a memory cgroup";
  }
  const auto name = cgroup_name(*report.oom_memcg);
  const bool told = report.owner && has_told_name(*report.owner) && report.oom_memcg == report.task_memcg;
  return told ? fmt::format("{} ({})", name, base::to_valid_utf8(*report.owner->name)) : name;
}

// Whose limit: "docker container ad6c… reached its own limit of 6 MiB (+ 6 MiB swap)".
std::string memcg_cause(const Incident& incident) {
  if (!incident.cgroup) {
    return "a memory cgroup reached its limit";
  }
  const auto& report = *incident.cgroup;
  const auto limited = limited_name(report);
  const auto& owner = incident.analysis.limit_owner;
  const auto levels = owner && owner->levels_above_victim ? *owner->levels_above_victim : 0;
  if (levels > 0) {
    return fmt::format("{} reached its limit{}, {} level{} above the process's own cgroup", limited,
                       limit_words(report), levels, levels == 1 ? "" : "s");
  }
  const bool known_own = report.oom_memcg && report.oom_memcg == report.task_memcg;
  return fmt::format("{} reached its {}limit{}", limited, known_own ? "own " : "", limit_words(report));
}

std::string machine_cause(const Incident& incident) {
  std::string cause = "the machine ran out of memory";
  if (incident.scope == "cpuset") {
    cause = "the memory nodes that its cpuset allows were full";
  } else if (incident.scope == "mempolicy") {
    cause = "the memory nodes that its NUMA policy allows were full";
  } else if (incident.scope == "unknown" && !incident.memory_info) {
    return "memory ran out";
  }
  if (!incident.memory_info) {
    return cause;
  }
  const auto& info = *incident.memory_info;
  if (info.ram_pages && incident.analysis.page_size_bytes) {
    cause += fmt::format(" ({} RAM", human_size(*info.ram_pages * *incident.analysis.page_size_bytes));
    if (info.swap_total_bytes) {
      if (*info.swap_total_bytes == 0) {
        cause += ", no swap";
      } else {
        const auto free = std::min(info.swap_free_bytes.value_or(0), *info.swap_total_bytes);
        cause += fmt::format(", {} of {} swap free", human_size(free), human_size(*info.swap_total_bytes));
      }
    }
    cause += ")";
  }
  return cause;
}

// "; 78 % of it was anonymous memory": the largest part that is in use.
std::string filling(const Incident& incident) {
  const auto& largest = incident.analysis.dominant;
  if (!largest || largest->share < kWorthNaming) {
    return "";  // nothing stands out
  }
  const std::string_view whole = incident.scope == "memcg"                                     ? "it"
                                 : incident.scope == "cpuset" || incident.scope == "mempolicy" ? "them"
                                                                                               : "the RAM";
  if (largest->part == "unaccounted") {
    return fmt::format("; {} % of {} was in no counter that the kernel prints", percent(largest->share), whole);
  }
  auto words = fmt::format("; {} % of {} was {}", percent(largest->share), whole, part_words(largest->part));
  const auto& unlisted = incident.analysis.unlisted;
  if (largest->part == "shmem" && unlisted && unlisted->shmem_bytes.value_or(0) > 0) {
    words += ", which no process has mapped";
  }
  return words;
}

std::string no_kill(const Incident& incident, const std::string& cause) {
  if (incident.kind == "panic") {
    return fmt::format("the kernel panicked because {}", cause) + filling(incident);
  }
  const auto asked = process_name(incident.trigger.comm, incident.trigger.pid.value_or(0));
  if (incident.kind == "allocation_failure") {
    const auto order = incident.trigger.order.value_or(0);
    const auto size = incident.analysis.page_size_bytes.value_or(4096);
    return fmt::format("an allocation of {} by {} failed; nothing was killed",
                       order > 0 && order < 20 ? human_size(size << order) : "one page", asked);
  }
  return fmt::format("nobody was killed although {}: no process was eligible", cause) +
         (incident.trigger.comm ? fmt::format("; {} had asked for memory", asked) : "") + filling(incident);
}

// systemd-oomd and its kin kill processes or whole groups.
std::string user_space_kill(const Incident& incident) {
  std::string who = "a process was killed";
  if (!incident.victims.empty()) {
    who = subject(incident);
  } else if (incident.cgroup && (incident.cgroup->task_memcg || incident.cgroup->oom_memcg)) {
    who = fmt::format("{} was killed", cgroup_name(incident.cgroup->task_memcg ? *incident.cgroup->task_memcg
                                                                               : *incident.cgroup->oom_memcg));
  }
  return fmt::format("{} by {}, in user space, before the kernel had to", who, incident.killer);
}

}  // namespace

std::string process_name(const Text& comm, std::int64_t pid) {
  const std::string name = comm ? (comm->empty() ? "(no name)" : *comm) : "a process";
  return pid > 0 ? fmt::format("{} (pid {})", name, pid) : name;
}

std::string verdict(const Incident& incident) {
  const auto cause = incident.scope == "memcg" ? memcg_cause(incident) : machine_cause(incident);
  if (incident.kind == "userspace_kill") {
    return user_space_kill(incident);
  }
  if (incident.kind != "oom_kill") {
    return no_kill(incident, cause);
  }
  if (incident.victims.empty()) {
    return fmt::format("the OOM killer was called because {}; whom it killed is not in the log", cause) +
           filling(incident);
  }
  if (incident.manual) {
    return fmt::format(
        "{} because somebody asked for it with SysRq-f (or echo f > /proc/sysrq-trigger), not because memory had run "
        "out",
        subject(incident));
  }
  return fmt::format("{} because {}", subject(incident), cause) + filling(incident);
}

}  // namespace forensics

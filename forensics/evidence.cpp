#include "forensics/evidence.h"

#include <algorithm>

#include <fmt/format.h>

namespace forensics {
namespace {

constexpr std::uint64_t kMib = 1 << 20;
constexpr std::uint64_t kPage = 4096;

}  // namespace

std::uint64_t part_bytes(const Incident& incident, std::string_view part) {
  const auto* found = find_part(incident.analysis.breakdown, part);
  return found == nullptr ? 0 : found->bytes;
}

std::uint64_t whole_bytes(const Incident& incident) {
  std::uint64_t sum = 0;
  for (const auto& part : incident.analysis.breakdown) {
    sum += part.bytes;
  }
  return sum;
}

double share_of_whole(const Incident& incident, std::uint64_t bytes) {
  const auto whole = whole_bytes(incident);
  return whole == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(whole);
}

std::string of_whole(const Incident& incident, std::uint64_t bytes) {
  const auto whole = whole_bytes(incident);
  std::string_view name = "RAM";
  auto size = whole;
  if (is_memcg(incident)) {
    name = "usage";
    if (incident.cgroup && incident.cgroup->memory && incident.cgroup->memory->limit_bytes) {
      name = "limit";
      size = *incident.cgroup->memory->limit_bytes;
    }
  }
  return fmt::format("{} = {} % of the {} of {}", base::human_size(bytes),
                     percent(size == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(size)), name,
                     base::human_size(size));
}

std::uint64_t held_bytes(const Task& task) {
  return task.rss_bytes.value_or(0) + task.swap_bytes.value_or(0);
}

const Task* largest_task(const Incident& incident) {
  const auto found = std::ranges::max_element(incident.tasks, {}, held_bytes);
  return found == incident.tasks.end() ? nullptr : &*found;
}

std::string task_name(const Task& task) {
  return process_name(task.comm, task.pid);
}

std::string held_formula(const Incident& incident) {
  if (!incident.cgroup || !incident.cgroup->memory || !incident.cgroup->memory->usage_bytes) {
    return "";
  }
  const auto usage = *incident.cgroup->memory->usage_bytes;
  std::uint64_t swap = 0;
  if (incident.cgroup->swap) {
    swap = incident.cgroup->swap->usage_bytes.value_or(0);
  } else if (incident.cgroup->memsw) {
    const auto both = incident.cgroup->memsw->usage_bytes.value_or(usage);
    swap = both > usage ? both - usage : 0;
  }
  return fmt::format("{} = usage {} + swap {}", base::human_size(usage + swap), base::human_size(usage),
                     base::human_size(swap));
}

bool is_memcg(const Incident& incident) {
  return incident.scope == "memcg";
}

bool is_machine_wide(const Incident& incident) {
  return incident.scope == "global" || incident.scope == "cpuset" || incident.scope == "mempolicy";
}

Incident memcg_example(cgroup::Counters stat) {
  Incident incident;
  incident.scope = "memcg";
  incident.kernel.release = "6.12.9";
  incident.trigger.comm = "app";
  incident.trigger.pid = 100;
  auto& report = incident.cgroup.emplace();
  report.oom_memcg = "/system.slice/app.service";
  report.task_memcg = report.oom_memcg;
  report.hierarchy = 2;
  report.memory = Usage{.usage_bytes = 64 * kMib, .limit_bytes = 64 * kMib, .unlimited = false, .failcnt = 30};
  report.swap = Usage{.usage_bytes = 0, .limit_bytes = 0, .unlimited = false, .failcnt = 0};
  report.stat = std::move(stat);
  incident.tasks = {{.pid = 100,
                     .uid = 1000,
                     .tgid = 100,
                     .total_vm_bytes = 100 * kMib,
                     .rss_bytes = 62 * kMib,
                     .rss_anon_bytes = 61 * kMib,
                     .rss_file_bytes = 1 * kMib,
                     .rss_shmem_bytes = 0,
                     .pgtables_bytes = 40 * kPage,
                     .swap_bytes = 0,
                     .oom_score_adj = 0,
                     .comm = "app"}};
  incident.victims = {{.pid = 100,
                       .comm = "app",
                       .uid = 1000,
                       .anon_rss_bytes = 61 * kMib,
                       .oom_score_adj = 0,
                       .task_memcg = report.task_memcg}};
  return incident;
}

Incident machine_example(cgroup::Counters pages) {
  auto incident = memcg_example({});
  incident.scope = "global";
  incident.cgroup.reset();
  auto& info = incident.memory_info.emplace();
  info.counters = std::move(pages);
  info.ram_pages = 262144;
  info.reserved_pages = 0;
  info.swap_total_bytes = 0;
  info.swap_free_bytes = 0;
  incident.tasks.front().rss_bytes = 900 * kMib;
  incident.tasks.front().rss_anon_bytes = 899 * kMib;
  return incident;
}

Run run_example(const std::vector<std::uint64_t>& memory) {
  Run run;
  run.limits.memory_max_bytes = 64 * kMib;
  run.duration_s = 1;
  const auto steps = std::max<std::size_t>(memory.size(), 2) - 1;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    run.timeline.push_back({.t = std::chrono::nanoseconds(1'000'000'000 * i / steps), .memory = memory[i]});
  }
  return run;
}

}  // namespace forensics

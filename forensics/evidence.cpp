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

bool is_dominant(const Incident& incident, std::string_view part) {
  return incident.analysis.dominant && incident.analysis.dominant->part == part;
}

double cause_confidence(const Incident& incident, std::string_view part, double share) {
  return std::min(0.95, is_dominant(incident, part) ? 0.65 + 0.3 * share : 0.3 + 0.5 * share);
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

std::optional<SwapUse> swap_use(const Incident& incident) {
  const auto minus = [](std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; };
  if (is_machine_wide(incident)) {
    if (!incident.memory_info || !incident.memory_info->swap_total_bytes) {
      return std::nullopt;
    }
    const auto total = *incident.memory_info->swap_total_bytes;
    return SwapUse{.used_bytes = minus(total, incident.memory_info->swap_free_bytes.value_or(0)), .total_bytes = total};
  }
  if (!is_memcg(incident) || !incident.cgroup || !incident.cgroup->memory) {
    return std::nullopt;
  }
  const auto& report = *incident.cgroup;
  if (report.swap) {
    return report.swap->limit_bytes ? std::optional(SwapUse{.used_bytes = report.swap->usage_bytes.value_or(0),
                                                            .total_bytes = *report.swap->limit_bytes})
                                    : std::nullopt;
  }
  if (!report.memsw || !report.memsw->limit_bytes || !report.memory->limit_bytes) {
    return std::nullopt;
  }
  return SwapUse{.used_bytes = minus(report.memsw->usage_bytes.value_or(0), report.memory->usage_bytes.value_or(0)),
                 .total_bytes = minus(*report.memsw->limit_bytes, *report.memory->limit_bytes),
                 .memsw = true};
}

bool trace_has(const Incident& incident, std::initializer_list<std::string_view> functions) {
  return std::ranges::any_of(incident.call_trace, [&](std::string_view frame) {
    frame.remove_prefix(std::min(frame.find_first_not_of(' '), frame.size()));
    return std::ranges::any_of(functions, [&](std::string_view function) { return frame.starts_with(function); });
  });
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

Run run_example(const std::vector<std::uint64_t>& memory, unsigned seconds) {
  Run run;
  run.limits.memory_max_bytes = 64 * kMib;
  run.duration_s = seconds;
  const auto steps = std::max<std::size_t>(memory.size(), 2) - 1;
  for (std::size_t i = 0; i < memory.size(); ++i) {
    run.timeline.push_back(
        {.t = std::chrono::nanoseconds(std::uint64_t{1'000'000'000} * seconds * i / steps), .memory = memory[i]});
  }
  return run;
}

}  // namespace forensics

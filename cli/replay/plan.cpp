#include "cli/replay/plan.h"

#include <algorithm>
#include <bit>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/replay/cast_list.h"

namespace cli::replay {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kGuestSystem = 192ULL << 20;  // kernel, agent, initramfs
constexpr std::uint64_t kDefaultGuest = 512ULL << 20;
constexpr std::uint64_t kLargestGuest = 2ULL << 30;   // larger ones take long to fill
constexpr double kLargestRoom = 64.0 * (1ULL << 30);  // by --scale
constexpr std::uint64_t kSmallestLimit = 4ULL << 20;
constexpr std::uint64_t kPage = 4096;

std::uint64_t round_down(double bytes) {
  return static_cast<std::uint64_t>(std::min(bytes, 1e18)) / kPage * kPage;
}

bool is_global(const forensics::Incident& incident) {
  return incident.scope == "global" || incident.scope == "cpuset" || incident.scope == "mempolicy";
}

std::uint64_t bytes_of(std::uint64_t pages, const forensics::Incident& incident) {
  const auto size = std::max<std::uint64_t>(incident.analysis.page_size_bytes.value_or(kPage), 1);
  return std::min(pages, UINT64_MAX / size) * size;
}

// What was to be had: the limit, or the machine's memory.
std::optional<std::uint64_t> room_of(const forensics::Incident& incident) {
  if (!is_global(incident)) {
    return incident.cgroup && incident.cgroup->memory ? incident.cgroup->memory->limit_bytes : std::nullopt;
  }
  if (!incident.memory_info || !incident.memory_info->ram_pages) {
    return std::nullopt;
  }
  const auto unused = incident.memory_info->reserved_pages.value_or(0);
  return bytes_of(*incident.memory_info->ram_pages - std::min(*incident.memory_info->ram_pages, unused), incident);
}

// Swap beside it: of the group, or of the machine. Nothing: none could be used.
std::optional<std::uint64_t> swap_of(const forensics::Incident& incident) {
  if (is_global(incident)) {
    return incident.memory_info ? incident.memory_info->swap_total_bytes : std::nullopt;
  }
  const auto& cgroup = *incident.cgroup;
  if (cgroup.swap && cgroup.swap->limit_bytes) {
    return cgroup.swap->limit_bytes;
  }
  if (cgroup.swap && cgroup.swap->unlimited) {
    return cgroup.swap->usage_bytes;  // as much as it had
  }
  if (cgroup.memsw && cgroup.memsw->limit_bytes && cgroup.memory && cgroup.memory->limit_bytes) {
    return *cgroup.memsw->limit_bytes - std::min(*cgroup.memsw->limit_bytes, *cgroup.memory->limit_bytes);
  }
  return std::nullopt;
}

double scale_for(const forensics::Incident& incident, std::uint64_t room, const PlanOptions& options) {
  if (options.scale) {
    return *options.scale;
  }
  const auto all = static_cast<double>(room) + static_cast<double>(swap_of(incident).value_or(0));
  const auto wanted = all * 1.25 + static_cast<double>(kGuestSystem);
  return wanted <= static_cast<double>(kLargestGuest) ? 1 : static_cast<double>(kLargestGuest) / wanted;
}

bool kills_group(const forensics::Incident& incident) {
  return std::ranges::find(incident.victims, "group", &forensics::Victim::role) != incident.victims.end();
}

// The victim's own level below the one whose limit was hit.
bool is_nested(const forensics::Incident& incident) {
  return incident.cgroup && incident.cgroup->oom_memcg && incident.cgroup->task_memcg &&
         incident.cgroup->oom_memcg != incident.cgroup->task_memcg;
}

Json groups_of(const forensics::Incident& incident, std::uint64_t limit, std::optional<std::uint64_t> swap) {
  Json settings = Json::object();
  if (!is_global(incident)) {
    settings["memory.max"] = limit;
    if (swap && *swap > 0) {
      settings["memory.swap.max"] = *swap;
    }
  }
  if (kills_group(incident)) {
    settings["memory.oom.group"] = true;
  }
  Json groups = Json::object();
  groups["limit"] = settings;
  if (is_nested(incident) && !is_global(incident)) {
    groups["limit/inner"] = Json::object();
  }
  return groups;
}

// All but the trigger, which is last, fill and stay; then the trigger grows to the kill.
Json tasks_of(const CastList& cast, const std::string& group) {
  Json tasks = Json::array();
  Json filled = Json::array();
  for (const auto& role : cast.roles) {
    Json task = {{"name", role.name}, {"group", group}, {"workload", role.workload}};
    if (role.is_trigger) {
      if (!filled.empty()) {
        task["start"] = {{"all", filled}};
      }
    } else {
      task["with"] = {{"size", role.bytes}, {"hold", "forever"}};
      // Who was refused, or killed, is no reason to wait for ever.
      filled.push_back({{"any", {{{"task", role.name}, {"notes", "end"}}, {{"exited", role.name}}}}});
    }
    if (role.oom_score_adj != 0) {
      task["oom_score_adj"] = role.oom_score_adj;
    }
    if (role.count > 1) {
      task["count"] = role.count;
    }
    tasks.push_back(std::move(task));
  }
  return tasks;
}

// The victim, and who is as large (within what the kernel's batches of RSS hide) and as likely.
std::vector<std::string> alike_to_victim(const CastList& cast) {
  std::vector<std::string> names;
  const auto victim = std::ranges::find_if(cast.roles, &Role::is_victim);
  if (victim == cast.roles.end()) {
    return names;
  }
  names.push_back(victim->name);
  const auto slack = std::max<std::uint64_t>(victim->bytes / 16, 256U << 10);
  for (const auto& role : cast.roles) {
    const auto difference = std::max(role.bytes, victim->bytes) - std::min(role.bytes, victim->bytes);
    if (!role.is_victim && !role.is_unlisted && role.oom_score_adj == victim->oom_score_adj && difference <= slack) {
      names.push_back(role.name);
    }
  }
  return names;
}

Json expected_of(const forensics::Incident& incident, const std::vector<std::string>& alike) {
  Json expect = {{"verdict", "oom_killed"},
                 {"scope", is_global(incident) ? "global" : "memcg"},
                 {"limiting_group", is_global(incident) ? "machine" : "limit"}};
  if (!alike.empty()) {
    expect["first_victim"] = alike;
  }
  const auto& parts = incident.analysis.breakdown;
  const auto largest = std::ranges::max_element(parts, {}, &forensics::Part::bytes);
  if (!is_global(incident) && largest != parts.end()) {
    expect["dominant"] = largest->part;
  }
  if (kills_group(incident)) {
    expect["groups"] = {{"limit", {{"memory.events:oom_group_kill", {{"at_least", 1}, {"optional", true}}}}}};
  }
  return expect;
}

// A machine's own part is set apart again in the guest: there `machine` is all of its memory.
Json needs_of(const forensics::Incident& incident, std::uint64_t limit, std::uint64_t machine,
              std::optional<std::uint64_t> swap) {
  Json needs = {{"vm", true}};
  const std::uint64_t wanted = limit + limit / 4 + swap.value_or(0) + kGuestSystem;
  constexpr std::uint64_t kMiB = 1ULL << 20;
  const auto memory = is_global(incident) ? std::max((machine + kMiB - 1) / kMiB * kMiB, 256 * kMiB)
                                          : std::max(kDefaultGuest, std::bit_ceil(wanted));
  if (memory != kDefaultGuest) {
    needs["memory"] = memory;
  }
  if (swap && *swap > 0) {
    needs["swap"] = *swap;
  }
  if (std::ranges::find(incident.victims, "allocating", &forensics::Victim::role) != incident.victims.end()) {
    needs["sysctls"] = {{"vm.oom_kill_allocating_task", 1}};
  }
  return needs;
}

base::Result<std::uint64_t> check(const forensics::Incident& incident) {
  const auto usage = [](std::string message, std::string remedy) {
    return base::fail(base::ErrorKind::usage, std::move(message), std::move(remedy));
  };
  if (incident.kind != "oom_kill") {
    return usage(fmt::format("the report is of {}, not of an OOM kill", incident.kind), "--incident N picks another");
  }
  if (incident.killer != "kernel") {
    return usage(fmt::format("{} has killed, not the kernel", base::escape_terminal(incident.killer)),
                 "--incident N picks another");
  }
  if (incident.tasks.empty()) {
    return usage("the report lists no tasks (vm.oom_dump_tasks=0, or cut): there is nothing to make again",
                 "--incident N picks another; `oomlab analyze` shows what the report says");
  }
  const auto room = room_of(incident);
  if (!room || *room == 0) {
    return usage("the report does not say the limit, or the memory of the machine",
                 "--incident N picks another; for a scenario by hand: docs/scenarios.md");
  }
  return *room;
}

}  // namespace

base::Result<Plan> make_plan(const forensics::Incident& incident, const PlanOptions& options) {
  TRY_ASSIGN(const auto room, check(incident));
  Plan plan{.scale = scale_for(incident, room, options)};
  const auto swap_before = swap_of(incident);
  const auto all = (static_cast<double>(room) + static_cast<double>(swap_before.value_or(0))) * plan.scale;
  if (all > kLargestRoom) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("--scale {:.4g}%: that would be {}, more than a guest can have", plan.scale * 100,
                                  base::human_size(round_down(all))),
                      "without it the sizes are made to fit");
  }
  const auto limit = std::max(round_down(static_cast<double>(room) * plan.scale), kSmallestLimit);
  auto swap = swap_before;
  if (swap) {
    swap = round_down(static_cast<double>(*swap) * plan.scale);
    constexpr std::uint64_t kLeastSwap = 64U << 10;  // of what a guest can make
    swap = *swap < kLeastSwap ? 0 : *swap;
  }
  const auto machine =
      is_global(incident)
          ? round_down(static_cast<double>(bytes_of(*incident.memory_info->ram_pages, incident)) * plan.scale)
          : 0;
  auto cast =
      make_cast_list(incident, plan.scale, is_global(incident) ? limit - std::min(limit, kGuestSystem / 2) : limit);
  plan.remarks = std::move(cast.remarks);
  plan.trigger = cast.roles.back().name;
  plan.alike = alike_to_victim(cast);
  plan.victim = plan.alike.empty() ? "" : plan.alike.front();
  const bool inner = is_nested(incident) && !is_global(incident);
  const auto comm = incident.victims.empty() ? "nobody" : incident.victims.front().comm.value_or("a process");
  Json scenario = {{"name", options.name},
                   {"about", fmt::format("A kill of the log again: {} of {} of {}", base::human_size(limit),
                                         is_global(incident) ? "the machine" : "a group", base::escape_terminal(comm))},
                   {"teaches", "Whether the same limits, tasks and scores give the same kill."},
                   {"needs", needs_of(incident, limit, machine, swap)},
                   {"groups", groups_of(incident, limit, swap)},
                   {"tasks", tasks_of(cast, inner ? "limit/inner" : "limit")},
                   {"end", "first_kill"},
                   {"timeout", "3m"},
                   {"expect", expected_of(incident, plan.alike)}};
  plan.scenario = scenario.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
  return plan;
}

}  // namespace cli::replay

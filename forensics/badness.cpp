#include "forensics/badness.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "base/scanner.h"

namespace forensics {
namespace {

constexpr std::int64_t kUnkillable = -1000;
constexpr std::int64_t kMuchSwapPages = std::int64_t{1} << 28;  // 1 TiB of pages of 4 KiB
constexpr std::int64_t kGlobalInit = 1;  // never eligible, and left out of the table by the kernel

// The formulas since 2.6.36, oldest first.
enum class Era {
  per_mille,        // 2.6.36 - 3.4: points * 1000 / total, minus 30 for root, plus oom_score_adj
  root_minus_30,    // 3.5 - 3.13: root's oom_score_adj counts 30 less
  root_3_percent,   // 3.14 - 4.16: root's points count 3 % less
  no_bonus,         // 4.17 - 5.8: at least 1
  may_be_negative,  // 5.9 on
};

struct Version {
  unsigned major = 0, minor = 0, patch = 0;
  auto operator<=>(const Version&) const = default;
};

std::optional<Version> version_of(const Text& release) {
  if (!release) {
    return std::nullopt;
  }
  base::Scanner in(*release);
  Version version;
  const auto major = in.number<unsigned>();
  if (!major || !in.literal(".")) {
    return std::nullopt;
  }
  version.major = *major;
  version.minor = in.number<unsigned>().value_or(0);
  if (in.literal(".")) {
    version.patch = in.number<unsigned>().value_or(0);
  }
  return version;
}

bool prints_score(const Incident& incident) {
  return std::ranges::any_of(incident.victims, [](const Victim& victim) { return victim.score.has_value(); });
}

Era era_of(const Incident& incident) {
  const auto version = version_of(incident.kernel.release);
  const bool modern =
      std::ranges::any_of(incident.tasks, [](const Task& task) { return task.rss_anon_bytes.has_value(); });
  if (modern) {
    return Era::may_be_negative;
  }
  if (prints_score(incident)) {  // 5.0 at the newest
    if (!version || *version >= Version{4, 17}) {
      return Era::no_bonus;
    }
    if (*version >= Version{3, 14}) {
      return Era::root_3_percent;
    }
    return *version >= Version{3, 5} ? Era::root_minus_30 : Era::per_mille;
  }
  if (!version) {
    return Era::may_be_negative;
  }
  constexpr std::array<std::pair<Version, Era>, 4> kSince = {{{{5, 9}, Era::may_be_negative},
                                                              {{4, 17}, Era::no_bonus},
                                                              {{3, 14}, Era::root_3_percent},
                                                              {{3, 5}, Era::root_minus_30}}};
  for (const auto& [since, era] : kSince) {
    if (*version >= since) {
      return era;
    }
  }
  return Era::per_mille;
}

std::string_view rule_of(Era era) {
  switch (era) {
    case Era::per_mille:
      return "(rss + page tables + swap) * 1000 / total - 30 for root + oom_score_adj";
    case Era::root_minus_30:
      return "rss + page tables + swap + (oom_score_adj - 30 for root) * (total / 1000)";
    case Era::root_3_percent:
      return "rss + page tables + swap - 3 % for root + oom_score_adj * (total / 1000)";
    case Era::no_bonus:
    case Era::may_be_negative:
      break;
  }
  return "rss + swap + page tables + oom_score_adj * (total / 1000), in pages";
}

// One task's points by the era's integer arithmetic; total may be unknown while no adjustment matters.
std::int64_t points_of(const Task& task, std::int64_t adj, Era era, std::int64_t total, std::int64_t page) {
  const auto pages = [&](Count bytes) { return static_cast<std::int64_t>(bytes.value_or(0)) / page; };
  const bool root = task.uid == 0;  // the table prints no capabilities; CAP_SYS_ADMIN is root's
  std::int64_t points = pages(task.rss_bytes) + pages(task.swap_bytes) + pages(task.pgtables_bytes);
  switch (era) {
    case Era::per_mille:
      points = total > 0 ? points * 1000 / total : points;
      points += adj - (root ? 30 : 0);
      return std::max<std::int64_t>(points, 1);
    case Era::root_minus_30:
      adj -= root ? 30 : 0;
      break;
    case Era::root_3_percent:
      points -= root ? points * 3 / 100 : 0;
      break;
    case Era::no_bonus:
    case Era::may_be_negative:
      break;
  }
  points += adj * (total / 1000);
  return era == Era::may_be_negative ? points : std::max<std::int64_t>(points, 1);
}

struct Scored {
  const Task* task;
  std::int64_t points;
};

// adjusted: with the tasks' oom_score_adj, which spares those of -1000; unadjusted: everybody as if it were 0.
enum class Adjust { adjusted, unadjusted, exempt_only };

std::vector<Scored> score(const Incident& incident, Era era, std::int64_t total, std::int64_t page,
                          Adjust adjust = Adjust::adjusted) {
  std::vector<Scored> candidates;
  for (const auto& task : incident.tasks) {
    const bool exempt = task.oom_score_adj == kUnkillable;
    if (task.pid != kGlobalInit && (adjust == Adjust::unadjusted || exempt == (adjust == Adjust::exempt_only))) {
      const auto adj = adjust == Adjust::adjusted ? task.oom_score_adj.value_or(0) : 0;
      candidates.push_back({&task, points_of(task, adj, era, total, page)});
    }
  }
  // A later row of equal points replaces the earlier one since 5.x (oom_evaluate_task()); before, the first stays.
  if (era == Era::may_be_negative) {
    std::ranges::reverse(candidates);
  }
  std::ranges::stable_sort(candidates, std::greater{}, &Scored::points);
  return candidates;
}

std::int64_t per_mille(Era era, std::int64_t points, std::int64_t total) {
  return era == Era::per_mille || total <= 0 ? points : points * 1000 / total;
}

const Victim* scored_victim(const Incident& incident) {
  const auto found =
      std::ranges::find_if(incident.victims, [](const Victim& victim) { return victim.score.has_value(); });
  return found == incident.victims.end() ? nullptr : &*found;
}

// How far the score of the task that the kernel decided for is from the printed one, in per mille.
std::int64_t distance_from_printed(const Task& task, Era era, std::int64_t total, std::int64_t page,
                                   std::int64_t printed) {
  const auto points = points_of(task, task.oom_score_adj.value_or(0), era, total, page);
  return std::abs(per_mille(era, points, total) - printed);
}

// An unlimited group may use the machine's swap, whose size its report does not state: then the printed score tells the
// total, if what is in swap fits into it. 0 when it does not.
std::int64_t total_by_score(const Incident& incident, const Task& task, Era era, std::int64_t limit,
                            std::int64_t page) {
  const auto printed = scored_victim(incident)->score.value_or(0);
  if (printed <= 0 || era == Era::per_mille || task.oom_score_adj.value_or(0) != 0) {
    return 0;
  }
  std::int64_t swapped = 0;
  for (const auto& other : incident.tasks) {
    swapped += static_cast<std::int64_t>(other.swap_bytes.value_or(0)) / page;
  }
  const auto total = points_of(task, 0, era, 0, page) * 1000 / printed;
  return total - limit >= swapped ? total : 0;
}

struct Settled {
  Era era;
  std::int64_t total;
};

// Distributions move formulas between releases, and what swap an unlimited group may use is not in its report: where
// the report prints a score, the formula and the total that reproduce it are the ones.
Settled settle(const Incident& incident, Era guess, std::int64_t total, std::int64_t limit, std::int64_t page) {
  const auto* scored = scored_victim(incident);
  const auto* task = scored == nullptr ? nullptr : find_task(incident, scored->pid);
  if (task == nullptr || (total <= 0 && limit <= 0)) {
    return {.era = guess, .total = total};
  }
  const auto tried_total = total > 0 ? total : limit;  // no swap beside the limit
  Settled best{.era = guess, .total = tried_total};
  auto best_distance = distance_from_printed(*task, guess, tried_total, page, *scored->score);
  for (const Era era : {Era::no_bonus, Era::root_3_percent, Era::root_minus_30, Era::per_mille}) {
    const auto distance = distance_from_printed(*task, era, tried_total, page, *scored->score);
    if (distance + 1 < best_distance) {
      best.era = era;
      best_distance = distance;
    }
  }
  if (total <= 0 && best_distance > 1) {
    best.total = total_by_score(incident, *task, guess, limit, page);
  }
  return best;
}

// The memcg's swap in bytes that totals count with it: the v2 limit, or memsw minus memory on v1. Nothing: unlimited or
// not printed.
Count swap_share(const CgroupReport& report, const Run* run) {
  if (report.swap) {
    if (report.swap->limit_bytes) {
      return report.swap->limit_bytes;
    }
    return report.swap->unlimited && run != nullptr && run->limits.memory_swap_max_bytes
               ? run->limits.memory_swap_max_bytes
               : std::nullopt;
  }
  if (report.memsw && report.memsw->limit_bytes && report.memory->limit_bytes) {
    const auto memsw = *report.memsw->limit_bytes, memory = *report.memory->limit_bytes;
    return memsw > memory ? memsw - memory : 0;
  }
  if (report.memsw && report.memsw->unlimited) {
    return std::nullopt;
  }
  return 0;
}

// Not: without a table, with the score of 2.6.35 and older (it needs children, run time and nice values), or where swap
// was in use that the table does not print (3.4 and older).
bool is_recomputable(const Incident& incident) {
  const bool has_adj =
      std::ranges::any_of(incident.tasks, [](const Task& task) { return task.oom_score_adj.has_value(); });
  const bool has_swap =
      std::ranges::any_of(incident.tasks, [](const Task& task) { return task.swap_bytes.has_value(); });
  const bool no_swap = incident.memory_info && incident.memory_info->swap_total_bytes == 0U;
  return has_adj && (has_swap || no_swap);
}

Count limit_pages(const Incident& incident, std::uint64_t page_size_bytes) {
  if (incident.scope != "memcg" || !incident.cgroup || !incident.cgroup->memory ||
      !incident.cgroup->memory->limit_bytes) {
    return std::nullopt;
  }
  return *incident.cgroup->memory->limit_bytes / page_size_bytes;
}

const Task* best_of(const Incident& incident, Era era, std::int64_t total, std::int64_t page) {
  const auto candidates = score(incident, era, total, page);
  return candidates.empty() ? nullptr : candidates.front().task;
}

}  // namespace

const Task* find_task(const Incident& incident, std::int64_t pid) {
  if (const auto row = std::ranges::find(incident.tasks, pid, &Task::pid); row != incident.tasks.end()) {
    return &*row;
  }
  const auto found = std::ranges::find(incident.tasks, std::optional(pid), &Task::tgid);
  return found == incident.tasks.end() ? nullptr : &*found;
}

namespace {

// The pages of the nodes that the report shows, which are those that the request was allowed (2.6.39 on).
Count allowed_node_pages(const MemoryInfo& info, std::uint64_t page) {
  std::uint64_t bytes = 0;
  for (const auto& zone : info.zones) {
    bytes += cgroup::find(zone.counters, "present").value_or(0);
  }
  return bytes == 0 ? std::nullopt : Count(bytes / page);
}

}  // namespace

Count total_pages(const Incident& incident, const Run* run, std::uint64_t page_size_bytes) {
  if (incident.scope == "memcg") {
    const auto limit = limit_pages(incident, page_size_bytes);
    const auto swap = limit ? swap_share(*incident.cgroup, run) : std::nullopt;
    return swap ? Count(*limit + *swap / page_size_bytes) : std::nullopt;
  }
  if (!incident.memory_info) {
    return std::nullopt;
  }
  const auto& info = *incident.memory_info;
  const auto swap = info.swap_total_bytes.value_or(0) / page_size_bytes;
  if (incident.scope == "cpuset" || incident.scope == "mempolicy") {
    const auto allowed = allowed_node_pages(info, page_size_bytes);
    return allowed ? Count(*allowed + swap) : std::nullopt;
  }
  if (!info.ram_pages) {
    return std::nullopt;
  }
  return *info.ram_pages - std::min(*info.ram_pages, info.reserved_pages.value_or(0)) + swap;
}

std::optional<std::int64_t> printed_score(const Badness& badness, std::int64_t points) {
  if (badness.per_mille) {
    return points;
  }
  const auto total = static_cast<std::int64_t>(badness.total_pages.value_or(0));
  return total > 0 ? std::optional(points * 1000 / total) : std::nullopt;
}

std::optional<Badness> recompute_badness(const Incident& incident, const Run* run, std::uint64_t page_size_bytes) {
  if (page_size_bytes == 0 || !is_recomputable(incident)) {
    return std::nullopt;
  }
  const auto page = static_cast<std::int64_t>(page_size_bytes);
  const auto limit = static_cast<std::int64_t>(limit_pages(incident, page_size_bytes).value_or(0));
  const bool adjusted = std::ranges::any_of(incident.tasks, [](const Task& task) {
    return task.oom_score_adj != kUnkillable && task.oom_score_adj.value_or(0) != 0;
  });
  auto [era, total] =
      settle(incident, era_of(incident),
             static_cast<std::int64_t>(total_pages(incident, run, page_size_bytes).value_or(0)), limit, page);
  Badness badness{.total_pages = total > 0 ? Count(total) : std::nullopt,
                  .rule = std::string(rule_of(era)),
                  .per_mille = era == Era::per_mille};
  if (total == 0 && (adjusted || era == Era::per_mille || era == Era::root_minus_30)) {
    // An adjustment is a share of a total that the log does not state: fine as long as the choice is the same for no
    // swap and for any amount of it.
    total = limit;
    if (total == 0 || best_of(incident, era, total, page) != best_of(incident, era, total + kMuchSwapPages, page)) {
      return std::nullopt;
    }
  }
  const auto candidates = score(incident, era, total, page);
  double sum = 0;
  for (const auto& candidate : candidates) {
    sum += static_cast<double>(std::max<std::int64_t>(candidate.points, 0));
  }
  const auto ranked = [&](const Scored& scored, bool eligible) {
    const double own = eligible ? static_cast<double>(std::max<std::int64_t>(scored.points, 0)) : 0;
    return Ranked{.pid = scored.task->pid,
                  .comm = scored.task->comm,
                  .points = scored.points,
                  .share = sum > 0 ? std::round(own / sum * 1e4) / 1e4 : 0,
                  .oom_score_adj = scored.task->oom_score_adj,
                  .eligible = eligible};
  };
  for (const auto& candidate : candidates) {
    badness.ranking.push_back(ranked(candidate, true));
  }
  for (const auto& exempt : score(incident, era, total, page, Adjust::exempt_only)) {
    badness.exempt.push_back(ranked(exempt, false));
  }
  if (const auto unadjusted = score(incident, era, total, page, Adjust::unadjusted); !unadjusted.empty()) {
    const auto& first = unadjusted.front();
    badness.unadjusted = Candidate{.pid = first.task->pid, .comm = first.task->comm, .points = first.points};
  }
  return badness;
}

}  // namespace forensics

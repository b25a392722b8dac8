#include "forensics/victim_choice.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "forensics/verdict.h"

namespace forensics {
namespace {

constexpr std::size_t kRankingShown = 10, kExemptShown = 3;

// Pages by which a task's counters may be off: 64 for each thread until 6.1, a batch for each CPU from 6.2 on; and a
// few per cent change between the choice and the table.
std::int64_t tolerance(std::int64_t points, std::optional<std::int64_t> cpu) {
  constexpr std::int64_t kBatch = 64, kPercent = 3;
  return kBatch * (std::clamp<std::int64_t>(cpu.value_or(0), 0, 4096) + 1) + points * kPercent / 100;
}

std::string ranked_name(const Ranked& ranked) {
  return process_name(ranked.comm, ranked.pid);
}

// The one that the kernel's choice fell on.
const Victim* chosen(const Incident& incident) {
  if (incident.victims.empty()) {
    return nullptr;
  }
  const auto found = std::ranges::find_if(
      incident.victims, [](const Victim& victim) { return victim.role == "selected" || victim.role == "allocating"; });
  return found == incident.victims.end() ? &incident.victims.front() : &*found;
}

// The rows of the table that were killed.
std::set<std::int64_t> killed_rows(const Incident& incident) {
  std::set<std::int64_t> victims, rows;
  for (const auto& victim : incident.victims) {
    victims.insert(victim.pid);
  }
  for (const auto& task : incident.tasks) {
    if (victims.contains(task.pid) || (task.tgid && victims.contains(*task.tgid))) {
      rows.insert(task.pid);
    }
  }
  return rows;
}

// Why there is no ranking, in words.
std::string what_is_missing(const Incident& incident) {
  if (incident.tasks.empty()) {
    return "the log holds no task table (vm.oom_dump_tasks=0, or lines that were lost)";
  }
  const bool has_adj =
      std::ranges::any_of(incident.tasks, [](const Task& task) { return task.oom_score_adj.has_value(); });
  if (!has_adj) {
    return "before 2.6.36 the score counts children, run time and nice values, which the log does not hold";
  }
  const bool has_swap =
      std::ranges::any_of(incident.tasks, [](const Task& task) { return task.swap_bytes.has_value(); });
  if (!has_swap) {
    return "the table of this kernel does not say how much of each process is in swap";
  }
  return "oom_score_adj counts shares of a total that the log does not state (the swap that an unlimited group may "
         "use)";
}

Reason not_recomputed(const Incident& incident, const Victim& victim) {
  if (victim.role == "allocating") {
    return {.code = "oom_kill_allocating_task",
            .words =
                "vm.oom_kill_allocating_task is set: the kernel killed the process that asked for memory, whatever "
                "its size"};
  }
  if (victim.role == "group") {
    return {.code = "group", .words = "memory.oom.group is set: it died with its group"};
  }
  return {.code = "unknown", .words = "the choice cannot be recomputed: " + what_is_missing(incident)};
}

std::string highest_words(const Incident& incident, const Ranked& row, const Analysis& analysis) {
  // "it" is the process of the verdict: a name at the start of a sentence would lose its case.
  const auto& group = incident.victims.size() > 1 && incident.victims.back().role == "group"
                          ? "; the others died with it, as memory.oom.group asks for"
                          : "";
  if (!analysis.next_victim) {
    return fmt::format("it was the only process that could be killed{}", group);
  }
  std::string adjusted;
  if (row.oom_score_adj.value_or(0) != 0) {
    adjusted = fmt::format(", with its oom_score_adj of {} counted in", *row.oom_score_adj);
  }
  return fmt::format("it has the highest badness, {} points{}: {} more than {}{}", row.points, adjusted,
                     analysis.margin_points.value_or(0),
                     process_name(analysis.next_victim->comm, analysis.next_victim->pid), group);
}

Reason reason_of(const Incident& incident, const Victim& victim, const Ranked& row) {
  const auto& analysis = incident.analysis;
  const auto& top = analysis.ranking.front();
  if (victim.role == "allocating" || victim.role == "group") {
    return not_recomputed(incident, victim);
  }
  if (victim.role == "child") {
    return {
        .code = "sacrificed_child",
        .words = "this kernel sacrifices a child of the process with the highest score, so that the parent may live"};
  }
  if (row.points == top.points) {
    const bool only = !analysis.next_victim;
    return {.code = only ? "only_candidate" : "highest_badness", .words = highest_words(incident, row, analysis)};
  }
  const auto rank = analysis.victim_rank.value_or(0);
  if (top.points - row.points <= tolerance(top.points, incident.trigger.cpu)) {
    return {
        .code = "approximate_rss",
        .words = fmt::format("by the table it ranks {}, {} points behind {}: within what the per-task counters may be "
                             "off, and memory may have changed before the table was printed",
                             rank, top.points - row.points, ranked_name(top))};
  }
  return {
      .code = "unknown",
      .words = fmt::format("by the table it ranks {}, {} points behind {}, which may have been exempt (in vfork, or "
                           "already killed before), may have grown only then, or this kernel's rule is another one",
                           rank, top.points - row.points, ranked_name(top))};
}

void fill_margin(Incident& incident, const Ranked& row) {
  auto& analysis = incident.analysis;
  const auto killed = killed_rows(incident);
  for (const auto& other : analysis.ranking) {
    if (!killed.contains(other.pid)) {
      analysis.next_victim = Candidate{.pid = other.pid, .comm = other.comm, .points = other.points};
      analysis.margin_points = row.points - other.points;
      return;
    }
  }
}

// The highest ones, the victim wherever it stands, and the largest of those that are exempt.
void shorten(Analysis& analysis, const std::vector<Ranked>& exempt) {
  auto& ranking = analysis.ranking;
  const auto rank = static_cast<std::size_t>(analysis.victim_rank.value_or(0));
  if (ranking.size() > kRankingShown) {
    if (rank > kRankingShown) {
      ranking[kRankingShown] = ranking[rank - 1];
      ranking.resize(kRankingShown + 1);
    } else {
      ranking.resize(kRankingShown);
    }
  }
  for (std::size_t i = 0; i < exempt.size() && i < kExemptShown; ++i) {
    ranking.push_back(exempt[i]);
  }
}

void explain_choice(Incident& incident, const Victim& victim, const Badness& badness) {
  auto& analysis = incident.analysis;
  const auto* task = find_task(incident, victim.pid);
  const auto row =
      task == nullptr ? analysis.ranking.end() : std::ranges::find(analysis.ranking, task->pid, &Ranked::pid);
  if (row == analysis.ranking.end()) {
    analysis.victim_reason = task == nullptr ? Reason{.code = "unknown", .words = "the table does not list it"}
                                             : not_recomputed(incident, victim);
    return;
  }
  analysis.victim_rank = row - analysis.ranking.begin() + 1;
  fill_margin(incident, *row);
  analysis.victim_reason = reason_of(incident, victim, *row);
  // Another rule than the score chose: the allocating task by sysctl, or a child that died for its parent (5.0 and
  // older).
  analysis.victim_explained =
      victim.role == "allocating" || victim.role == "child" || row->points == analysis.ranking.front().points;
  if (analysis.score && victim.score) {
    analysis.score->recomputed = printed_score(badness, row->points);
  }
}

}  // namespace

void explain_victim(Incident& incident, const std::optional<Badness>& badness) {
  auto& analysis = incident.analysis;
  const auto* victim = chosen(incident);
  const bool by_kernel = incident.killer == "kernel" && incident.kind != "userspace_kill";
  if (victim != nullptr && !by_kernel) {
    analysis.victim_reason = Reason{.code = "user_space_killer",
                                    .words = fmt::format("the choice is {}'s, by rules of its own", incident.killer)};
    return;
  }
  if (badness) {
    analysis.ranking = badness->ranking;
    analysis.score = Score{.rule = badness->rule,
                           .total_pages = badness->total_pages,
                           .printed = victim != nullptr ? victim->score : std::nullopt};
    analysis.without_oom_score_adj = badness->unadjusted;
  }
  if (victim != nullptr && badness && !badness->ranking.empty()) {
    explain_choice(incident, *victim, *badness);
  } else if (victim != nullptr) {
    analysis.victim_reason = not_recomputed(incident, *victim);
  }
  if (badness) {
    shorten(analysis, badness->exempt);
  }
}

}  // namespace forensics

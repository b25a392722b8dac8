#include <fmt/format.h>

#include "forensics/badness.h"
#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth", "swap_absent", "sibling_victim", "swap_full",
                                          "leak",        "spike",       "staircase"};

constexpr double kNoticeable = 0.1;  // of what was used up, held by the one that was spared

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto& analysis = incident.analysis;
  if (incident.kind != "oom_kill" || incident.victims.empty() || !analysis.without_oom_score_adj ||
      analysis.victim_explained != true || incident.victims.front().role != "selected") {
    return std::nullopt;
  }
  const auto* killed = find_task(incident, incident.victims.front().pid);
  const auto* spared = find_task(incident, analysis.without_oom_score_adj->pid);
  if (killed == nullptr || spared == nullptr || killed == spared || held_bytes(*killed) >= held_bytes(*spared)) {
    return std::nullopt;
  }
  const auto its = killed->oom_score_adj.value_or(0), other = spared->oom_score_adj.value_or(0);
  if (its <= other || share_of_whole(incident, held_bytes(*spared)) < kNoticeable) {
    return std::nullopt;
  }
  Diagnosis found{.code = "oom_score_adj_steered",
                  .title = "oom_score_adj decided who died: a larger process was spared",
                  .confidence = is_memcg(incident) ? 0.93 : 0.85};
  found.evidence.push_back(fmt::format("{} was killed with {} and oom_score_adj {}", task_name(*killed),
                                       human_size(held_bytes(*killed)), its));
  found.evidence.push_back(fmt::format(
      "{} held {} with oom_score_adj {}{}: without the adjustments it would have been "
      "chosen",
      task_name(*spared), human_size(held_bytes(*spared)), other, other == -1000 ? " (never to be killed)" : ""));
  quote_task(found, incident, killed->pid);
  quote_task(found, incident, spared->pid);
  quote_kills(found, incident);
  found.advice.push_back(fmt::format("Look at {} first: the process that died says little about where the memory went.",
                                     task_name(*spared)));
  if (analysis.score && analysis.score->total_pages) {
    const auto total = *analysis.score->total_pages * analysis.page_size_bytes.value_or(4096);
    found.advice.push_back(fmt::format(
        "Here oom_score_adj {} counts like {} = {} × {} / 1000 of memory and swap; see who sets it: OOMScoreAdjust= of "
        "systemd, the kubelet by QoS class, browsers for their tabs.",
        its, human_size(total / 1000 * static_cast<std::uint64_t>(its < 0 ? -its : its)), its, human_size(total)));
  }
  found.will_not_help.emplace_back("Giving the killed process less memory: it was not the one that filled it.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 60 << 20}, {"file", 0}});
  incident.tasks.front().oom_score_adj = -500;
  incident.tasks.push_back(incident.tasks.front());
  auto& small = incident.tasks.back();
  small.pid = 101;
  small.tgid = 101;
  small.rss_bytes = 2 << 20;
  small.oom_score_adj = 900;
  small.comm = "helper";
  incident.victims.front().pid = 101;
  incident.victims.front().comm = "helper";
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule oom_score_adj_steered{
    .summary = "oom_score_adj, not size, decided who was killed",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules

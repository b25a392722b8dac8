// The end of a report: the task table, the summary, who was killed.
#include <algorithm>

#include "forensics/report.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kMostRows = 200000;
constexpr std::size_t kMostVictims = 100000;

template <typename T>
void fill(std::optional<T>& into, const std::optional<T>& value) {
  if (!into) {
    into = value;
  }
}

void merge(Victim& into, const Victim& from) {
  fill(into.comm, from.comm);
  fill(into.uid, from.uid);
  fill(into.total_vm_bytes, from.total_vm_bytes);
  fill(into.anon_rss_bytes, from.anon_rss_bytes);
  fill(into.file_rss_bytes, from.file_rss_bytes);
  fill(into.shmem_rss_bytes, from.shmem_rss_bytes);
  fill(into.pgtables_bytes, from.pgtables_bytes);
  fill(into.oom_score_adj, from.oom_score_adj);
}

}  // namespace

Report::Fit Report::take(const lines::TaskTitle& /*line*/) {
  if (phase_ > Phase::table || !parts_.rows.empty() || parts_.allocation_failure) {
    return Fit::next_report;
  }
  parts_.has_table = certain_ = true;
  open_ = Open::none;
  reach(Phase::table);
  return Fit::taken;
}

Report::Fit Report::take(const lines::TaskHeader& line) {
  if (phase_ > Phase::table || !parts_.rows.empty() || parts_.allocation_failure) {
    return Fit::next_report;
  }
  parts_.columns = line.columns;
  parts_.has_table = certain_ = true;
  open_ = Open::none;
  reach(Phase::table);
  return Fit::taken;
}

Report::Fit Report::take(const lines::TaskRow& line) {
  if (phase_ > Phase::table) {
    return Fit::foreign;
  }
  if (parts_.allocation_failure) {
    return Fit::next_report;
  }
  if (parts_.rows.size() < kMostRows) {
    parts_.rows.push_back({.text = std::string(line.text), .numbers = line.numbers});
  }
  parts_.has_table = true;
  certain_ = certain_ || parts_.rows.size() > 1;
  reach(Phase::table);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Summary& line) {
  if (phase_ > Phase::table || parts_.allocation_failure) {
    return phase_ == Phase::summary && line.pid == parts_.summary_pid ? Fit::taken : Fit::next_report;
  }
  parts_.constraint = std::string(line.constraint);
  parts_.global_oom = line.global_oom;
  parts_.summary_pid = line.pid;
  parts_.summary_uid = line.uid;
  if (line.task) {
    parts_.summary_task = std::string(*line.task);
  }
  if (line.task_memcg && !line.task_memcg->empty()) {
    parts_.summary_memcg = std::string(*line.task_memcg);
    cgroup().task_memcg = parts_.summary_memcg;
  }
  if (line.oom_memcg && !line.oom_memcg->empty()) {
    cgroup().oom_memcg = std::string(*line.oom_memcg);
  }
  if (line.nodemask && *line.nodemask != "(null)") {
    parts_.incident.trigger.nodemask = std::string(*line.nodemask);
  }
  certain_ = true;
  reach(Phase::summary);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Decision& line) {
  if (phase_ >= Phase::decision || parts_.allocation_failure) {
    const bool again = phase_ == Phase::decision && parts_.decision && parts_.decision->pid == line.pid;
    return again ? Fit::taken : Fit::next_report;
  }
  parts_.decision = {.pid = line.pid, .comm = {}, .score = line.score};
  if (line.comm) {
    parts_.decision->comm = std::string(*line.comm);
  }
  parts_.domain = line.domain;
  certain_ = true;
  reach(Phase::decision);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Kill& line) {
  auto& victims = parts_.incident.victims;
  if (parts_.allocation_failure || parts_.no_killable || parts_.panic) {
    return Fit::next_report;
  }
  if (const auto same = std::ranges::find(victims, line.victim.pid, &Victim::pid); same != victims.end()) {
    merge(*same, line.victim);
    return Fit::taken;
  }
  if (!victims.empty() && !group_) {
    return Fit::next_report;  // one whose header was rate-limited away
  }
  if (victims.size() < kMostVictims) {
    victims.push_back(line.victim);
    if (victims.size() > 1) {
      victims.back().role = "group";
    }
  }
  if (parts_.domain == lines::Domain::unknown) {
    parts_.domain = line.domain;
  }
  parts_.prefixed_kill = parts_.prefixed_kill || line.prefixed;
  certain_ = true;
  reach(Phase::kill);
  return Fit::taken;
}

Report::Fit Report::take(const lines::GroupKill& line) {
  if (parts_.allocation_failure) {
    return Fit::next_report;
  }
  if (group_ && (*group_ != line.path || group_time_ != now_)) {
    return Fit::split;
  }
  group_ = std::string(line.path);
  group_time_ = now_;
  certain_ = true;
  reach(Phase::kill);
  return Fit::taken;
}

Report::Fit Report::take(const lines::AlreadyExiting& /*line*/) {
  if (group_ && !parts_.incident.victims.empty()) {
    return Fit::taken;  // one of the group
  }
  if (phase_ == Phase::kill || parts_.allocation_failure) {
    return Fit::next_report;
  }
  parts_.already_exiting = certain_ = true;
  reach(Phase::kill);
  return Fit::taken;
}

Report::Fit Report::take(const lines::SharedMemory& /*line*/) {
  return phase_ >= Phase::decision ? Fit::taken : Fit::foreign;
}

Report::Fit Report::take(const lines::NoKillable& /*line*/) {
  if (phase_ == Phase::kill || parts_.allocation_failure) {
    return Fit::next_report;
  }
  parts_.no_killable = certain_ = true;
  reach(Phase::kill);
  return Fit::taken;
}

Report::Fit Report::take(const lines::OomPanic& line) {
  if (!parts_.incident.victims.empty() || parts_.allocation_failure) {
    return line.trailer ? Fit::foreign : Fit::next_report;
  }
  bare_panic_ = bare_panic_ || phase_ == Phase::nothing;
  parts_.panic = certain_ = true;
  parts_.memcg_panic = line.memcg;
  reach(Phase::kill);
  return Fit::taken;
}

void Report::amend(const OomLine& line, std::string_view text, std::uint64_t number) {
  parts_.incident.log.last_line = number;
  parts_.excerpt.complete(text);
  if (const auto* trigger = std::get_if<lines::Trigger>(&line)) {
    fill_allocation(*trigger);
  } else if (const auto* failure = std::get_if<lines::AllocationFailure>(&line)) {
    fill_allocation(*failure);
  } else if (const auto* kill = std::get_if<lines::Kill>(&line)) {
    const auto same = std::ranges::find(parts_.incident.victims, kill->victim.pid, &Victim::pid);
    if (same != parts_.incident.victims.end()) {
      merge(*same, kill->victim);
    }
  } else if (const auto* summary = std::get_if<lines::Summary>(&line)) {
    if (phase_ == Phase::summary) {
      phase_ = Phase::table;
      (void)take(*summary);
    }
  } else if (const auto* stats = std::get_if<lines::StatsHeader>(&line)) {
    if (phase_ == Phase::memory) {
      cgroup().stat = stats_before_;
      (void)take(*stats);
    }
  } else if (const auto* identity = std::get_if<lines::Identity>(&line)) {
    auto& incident = parts_.incident;
    if (phase_ == Phase::trace && incident.trigger.pid == identity->pid) {
      incident.trigger.pid.reset();
      (void)take(*identity);
    }
  } else if (const auto* usage = std::get_if<lines::UsageLine>(&line)) {
    (void)take(*usage);
  } else if (const auto* buddy = std::get_if<lines::BuddyLine>(&line)) {
    (void)take(*buddy);
  } else if (const auto* limit = std::get_if<lines::MemcgLimit>(&line)) {
    (void)take(*limit);
  } else if (const auto* reserve = std::get_if<lines::LowmemReserve>(&line)) {
    (void)take(*reserve);
  }
}

}  // namespace forensics

// Whether a line can be of a report, when two are mixed: by what the line names and by what the report has already.
#include <algorithm>
#include <charconv>

#include "forensics/report.h"
#include "forensics/text.h"

namespace forensics {
namespace {

template <typename T, typename Value, typename Member>
bool has(const std::vector<T>& list, const Value& value, Member member) {
  return std::ranges::find(list, value, member) != list.end();
}

}  // namespace

Report::Claim Report::claim(const OomLine& line) const {
  return std::visit([this](const auto& what) { return claim_of(what); }, line);
}

bool Report::has_open_trace() const {
  return phase_ <= Phase::trace && trace_marked_ && !trace_closed_;
}

// A part that comes once, after another: none when it is there or passed, weak when what should come before is not
// there (it may be lost).
Report::Claim Report::claim_part(Phase part, bool there) const {
  if (phase_ > part || there) {
    return Claim::none;
  }
  return has_open_trace() || !parts_.incident.trigger.pid ? Claim::weak : Claim::possible;
}

Report::Claim Report::claim_of(const lines::Identity& line) const {
  const auto& trigger = parts_.incident.trigger;
  if (phase_ > Phase::trace || trigger.pid) {
    return Claim::none;
  }
  if (!trigger.comm || line.comm.empty()) {
    return Claim::possible;
  }
  return *trigger.comm == line.comm ? Claim::sure : Claim::none;
}

Report::Claim Report::claim_of(const lines::CpusetLine& line) const {
  const auto& comm = parts_.incident.trigger.comm;
  if (phase_ > Phase::trace || has_cpuset_) {
    return Claim::none;
  }
  return !comm ? Claim::possible : *comm == line.comm ? Claim::sure : Claim::none;
}

Report::Claim Report::claim_of(const lines::Hardware& /*line*/) const {
  return claim_part(Phase::trace, parts_.incident.kernel.hardware.has_value() || !parts_.frames.empty());
}

Report::Claim Report::claim_of(const lines::TraceStart& line) const {
  return claim_part(Phase::trace, !parts_.frames.empty() || (line.task ? trace_marked_ : trace_started_));
}

// Weak where the lines that begin a trace are not there.
Report::Claim Report::claim_in_trace() const {
  return phase_ == Phase::trace ? Claim::possible : phase_ == Phase::header ? Claim::weak : Claim::none;
}

Report::Claim Report::claim_of(const lines::Frame& /*line*/) const {
  return trace_closed_ ? Claim::none : claim_in_trace();
}

Report::Claim Report::claim_of(const lines::TraceDetail& /*line*/) const {
  return claim_in_trace();
}

Report::Claim Report::claim_of(const lines::MemcgLimit& /*line*/) const {
  return claim_part(Phase::trace, parts_.memcg_block);
}

Report::Claim Report::claim_of(const lines::UsageLine& line) const {
  using Kind = lines::UsageLine::Kind;
  const auto& group = parts_.incident.cgroup;
  const bool there = group && (line.kind == Kind::memory  ? group->memory
                               : line.kind == Kind::swap  ? group->swap
                               : line.kind == Kind::memsw ? group->memsw
                                                          : group->kmem)
                                  .has_value();
  const bool in_order = line.kind == Kind::memory || (group && group->memory);
  const auto claim = claim_part(Phase::memory, there || !stats_path_.empty());
  return in_order ? claim : std::min(claim, Claim::weak);
}

Report::Claim Report::claim_of(const lines::StatsHeader& line) const {
  const auto& group = parts_.incident.cgroup;
  if (!line.inline_counters && !stats_path_.empty()) {
    return Claim::none;
  }
  if (group && group->oom_memcg) {
    return phase_ > Phase::memory || !line.path.starts_with(*group->oom_memcg) ? Claim::none : Claim::sure;
  }
  return std::min(claim_part(Phase::memory, false), group && group->memory ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::StatCounter& line) const {
  if (open_ != Open::stats) {
    return Claim::none;
  }
  const auto& stat = parts_.incident.cgroup->stat;
  return has(stat, line.name, &std::pair<std::string, std::uint64_t>::first) ? Claim::none : Claim::possible;
}

Report::Claim Report::claim_mem_info(bool there) const {
  return claim_part(Phase::memory, there || (parts_.incident.cgroup && !stats_path_.empty()));
}

Report::Claim Report::claim_of(const lines::MemInfoStart& /*line*/) const {
  return claim_mem_info(parts_.incident.memory_info.has_value());
}

Report::Claim Report::claim_of(const lines::PageCounters& line) const {
  const auto& info = parts_.incident.memory_info;
  const bool there =
      info && has(info->counters, line.counters.front().first, &std::pair<std::string, std::uint64_t>::first);
  return std::min(claim_mem_info(there), info ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::NodeLine& line) const {
  const auto& info = parts_.incident.memory_info;
  const bool there = info && has(info->nodes, line.node.node, &MemoryNode::node);
  return std::min(claim_mem_info(there), info ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::ZoneLine& line) const {
  const auto& info = parts_.incident.memory_info;
  const bool there = info && std::ranges::any_of(info->zones, [&](const MemoryZone& zone) {
                       return zone.node == line.zone.node && zone.name == line.zone.name && !zone.counters.empty();
                     });
  return std::min(claim_mem_info(there), info ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::BuddyLine& line) const {
  const auto& info = parts_.incident.memory_info;
  const bool there = info && std::ranges::any_of(info->zones, [&](const MemoryZone& zone) {
                       return zone.node == line.zone.node && zone.name == line.zone.name && !zone.buddy.empty();
                     });
  return std::min(claim_mem_info(there), info ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::MemoryTotal& line) const {
  const auto& info = parts_.incident.memory_info;
  const bool there = info && line.field != nullptr && (*info.*line.field).has_value();
  return std::min(claim_mem_info(there), info ? Claim::possible : Claim::weak);
}

// The other lines of Mem-Info, which do not tell one block from another.
Report::Claim Report::claim_detail() const {
  return parts_.incident.memory_info ? claim_mem_info(false) : Claim::none;
}

Report::Claim Report::claim_of(const lines::TaskTitle& /*line*/) const {
  return std::min(claim_part(Phase::memory, parts_.has_table), phase_ == Phase::memory ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::TaskHeader& /*line*/) const {
  return std::min(claim_part(Phase::table, parts_.columns.has_value() || !parts_.rows.empty()),
                  phase_ >= Phase::memory ? Claim::possible : Claim::weak);
}

Report::Claim Report::claim_of(const lines::TaskRow& /*line*/) const {
  return phase_ == Phase::table ? Claim::possible : phase_ == Phase::memory ? Claim::weak : Claim::none;
}

// Whose pid the table has, or does not have; who allocates is often who dies.
Report::Claim Report::claim_victim(std::int64_t pid) const {
  if (parts_.incident.trigger.pid == pid) {
    return Claim::sure;
  }
  if (parts_.rows.empty()) {
    return phase_ >= Phase::memory ? Claim::possible : Claim::weak;
  }
  const bool listed = std::ranges::any_of(parts_.rows, [&](const auto& row) { return row.numbers.values[0] == pid; });
  return listed ? Claim::sure : Claim::none;
}

Report::Claim Report::claim_of(const lines::Summary& line) const {
  const auto& group = parts_.incident.cgroup;
  if (phase_ <= Phase::table && line.pid && parts_.incident.trigger.pid == line.pid) {
    return Claim::sure;
  }
  if (phase_ > Phase::table || (line.global_oom && parts_.memcg_block) || (line.oom_memcg && parts_.global_block)) {
    return Claim::none;
  }
  if (group && group->oom_memcg && line.oom_memcg) {
    return *group->oom_memcg == *line.oom_memcg ? Claim::sure : Claim::none;
  }
  return line.pid ? claim_victim(*line.pid) : Claim::weak;
}

Report::Claim Report::claim_of(const lines::Decision& line) const {
  if (phase_ < Phase::decision && parts_.incident.trigger.pid == line.pid) {
    return Claim::sure;
  }
  if (phase_ >= Phase::decision || (line.domain == lines::Domain::memcg) != parts_.memcg_block) {
    return phase_ < Phase::memory ? Claim::weak : Claim::none;
  }
  return claim_victim(line.pid);
}

Report::Claim Report::claim_of(const lines::Kill& line) const {
  const auto pid = line.victim.pid;
  const auto& victims = parts_.incident.victims;
  if (has(victims, pid, &Victim::pid)) {
    return Claim::sure;
  }
  if (group_) {
    return std::max(claim_victim(pid), Claim::possible);
  }
  if (!victims.empty() || parts_.no_killable || parts_.panic) {
    return Claim::none;
  }
  if (parts_.summary_pid || parts_.decision) {
    const bool chosen = parts_.summary_pid == pid || (parts_.decision && parts_.decision->pid == pid);
    return chosen ? Claim::sure : std::min(claim_victim(pid), Claim::possible);  // a child, or one of the group
  }
  // A prefix is of 5.1 and newer, which print a summary before it.
  if (line.prefixed && phase_ >= Phase::memory) {
    return Claim::none;
  }
  return claim_victim(pid);
}

Report::Claim Report::claim_of(const lines::GroupKill& line) const {
  if (group_) {
    return *group_ == line.path ? Claim::sure : Claim::none;
  }
  const auto& group = parts_.incident.cgroup;
  if (group && group->oom_memcg && !line.path.starts_with(*group->oom_memcg)) {
    return Claim::none;
  }
  return parts_.incident.victims.empty() ? Claim::none : Claim::possible;
}

// What ends a report without a victim.
Report::Claim Report::claim_end() const {
  return phase_ == Phase::kill ? Claim::none : phase_ >= Phase::memory ? Claim::possible : Claim::weak;
}

ReportParts::Section Report::section_of(const OomLine& line) {
  const auto is = [&]<typename... T>() { return (std::holds_alternative<T>(line) || ...); };
  if (is.operator()<lines::Frame, lines::TraceStart, lines::TraceDetail, lines::Hardware>()) {
    return Section::trace;
  }
  if (is.operator()<lines::UsageLine, lines::MemcgLimit>()) {
    return Section::usage;
  }
  if (is.operator()<lines::StatsHeader, lines::StatCounter>()) {
    return Section::stats;
  }
  if (is.operator()<lines::TaskTitle, lines::TaskHeader, lines::TaskRow>()) {
    return Section::tasks;
  }
  if (is.operator()<lines::MemInfoStart, lines::PageCounters, lines::NodeLine, lines::ZoneLine, lines::LowmemReserve,
                    lines::BuddyLine, lines::HugepageLine, lines::MemoryTotal, lines::SlabStart,
                    lines::AllocationsStart>()) {
    return Section::memory_info;
  }
  return Section::other;
}

void Report::doubt(ReportParts::Sections parts) {
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts.test(i)) {
      leave_out(parts_, static_cast<Section>(i));
    }
  }
  parts_.doubtful |= parts;
}

}  // namespace forensics

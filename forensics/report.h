#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/oom_line.h"
#include "forensics/record.h"
#include "forensics/report_parts.h"

namespace forensics {

// One report while its lines come in. It takes what fits the order in which the kernel prints, and says when a line
// belongs to another report.
class Report {
 public:
  Report(std::size_t input, std::uint64_t line, const Record& record);

  enum class Fit {
    taken,
    foreign,      // known, but not of this report: another CPU's, or of no interest here
    next_report,  // begins another report
    split,        // a second oom.group kill, whose header was rate-limited: the last victim taken belongs to it
  };
  Fit add(const OomLine& line, const Record& record, std::uint64_t number);
  // Whether the line can be of this report, told by what it names and by what is there already.
  enum class Claim { none, weak, possible, sure };
  [[nodiscard]] Claim claim(const OomLine& line) const;
  // Lines of these parts may be of another report, or have gone to it.
  void doubt(ReportParts::Sections parts);
  static ReportParts::Section section_of(const OomLine& line);
  // The line before was broken in two: the same line again, whole. Takes what the first half did not say.
  void amend(const OomLine& line, std::string_view text, std::uint64_t number);
  // A row of an open slab or allocation table; false when none is open or the text is no row.
  bool add_row(std::string_view message, std::uint64_t number);
  // A line that was not understood; kept when a line of the report follows.
  void add_unrecognized(std::string_view message, std::uint64_t number);
  // That line was the first half of one that is whole now.
  void forget_unrecognized(std::uint64_t number);

  // The input ended here: what would have come next is not known.
  void cut_off() { parts_.cut_off = true; }
  void set_manual() { parts_.incident.manual = true; }
  void set_suppressed(std::uint64_t count) { parts_.incident.log.suppressed += count; }
  bool mark_reaped(const lines::Reaped& reaped, std::string_view text, std::uint64_t number);
  std::optional<Victim> take_last_victim();
  void give_victim(Victim victim);

  [[nodiscard]] bool is_certain() const { return certain_; }  // more than lines that other reports print too
  // Names its GFP flags: a kernel that prints one report after the other.
  [[nodiscard]] bool is_of_4_6() const { return gfp_named_; }
  [[nodiscard]] bool is_allocation_failure() const { return parts_.allocation_failure; }
  [[nodiscard]] bool has_outcome() const;
  [[nodiscard]] std::uint64_t last_line() const { return parts_.incident.log.last_line; }

  Incident finish(std::vector<Warning>& warnings) { return finish_report(std::move(parts_), warnings); }

 private:
  // The order of the parts.
  enum class Phase { nothing, header, trace, memory, table, summary, decision, kill };

  using Section = ReportParts::Section;

  Fit take(const lines::Trigger& line);
  Fit take(const lines::AllocationFailure& line);
  Fit take(const lines::Identity& line);
  Fit take(const lines::Hardware& line);
  Fit take(const lines::CpusetLine& line);
  Fit take(const lines::TraceStart& line);
  Fit take(const lines::Frame& line);
  Fit take(const lines::TraceDetail& line);
  Fit take(const lines::MemcgLimit& line);
  Fit take(const lines::UsageLine& line);
  Fit take(const lines::StatsHeader& line);
  Fit take(const lines::StatCounter& line);
  Fit take(const lines::MemInfoStart& line);
  Fit take(const lines::PageCounters& line);
  Fit take(const lines::NodeLine& line);
  Fit take(const lines::ZoneLine& line);
  Fit take(const lines::LowmemReserve& line);
  Fit take(const lines::BuddyLine& line);
  Fit take(const lines::HugepageLine& line);
  Fit take(const lines::MemoryTotal& line);
  Fit take(const lines::SlabStart& line);
  Fit take(const lines::AllocationsStart& line);
  Fit take(const lines::MemInfoDetail& line);
  Fit take(const lines::TaskTitle& line);
  Fit take(const lines::TaskHeader& line);
  Fit take(const lines::TaskRow& line);
  Fit take(const lines::Summary& line);
  Fit take(const lines::Decision& line);
  Fit take(const lines::Kill& line);
  Fit take(const lines::GroupKill& line);
  Fit take(const lines::AlreadyExiting& line);
  Fit take(const lines::SharedMemory& line);
  Fit take(const lines::NoKillable& line);
  Fit take(const lines::OomPanic& line);
  Fit take(const lines::ManualOom& line);
  Fit take(const lines::ShowMemory& line);
  Fit take(const auto& /*line*/) { return Fit::foreign; }

  [[nodiscard]] Claim claim_of(const lines::Identity& line) const;
  [[nodiscard]] Claim claim_of(const lines::Hardware& line) const;
  [[nodiscard]] Claim claim_of(const lines::CpusetLine& line) const;
  [[nodiscard]] Claim claim_of(const lines::TraceStart& line) const;
  [[nodiscard]] Claim claim_of(const lines::Frame& line) const;
  [[nodiscard]] Claim claim_of(const lines::TraceDetail& line) const;
  [[nodiscard]] Claim claim_of(const lines::MemcgLimit& line) const;
  [[nodiscard]] Claim claim_of(const lines::UsageLine& line) const;
  [[nodiscard]] Claim claim_of(const lines::StatsHeader& line) const;
  [[nodiscard]] Claim claim_of(const lines::StatCounter& line) const;
  [[nodiscard]] Claim claim_of(const lines::MemInfoStart& line) const;
  [[nodiscard]] Claim claim_of(const lines::PageCounters& line) const;
  [[nodiscard]] Claim claim_of(const lines::NodeLine& line) const;
  [[nodiscard]] Claim claim_of(const lines::ZoneLine& line) const;
  [[nodiscard]] Claim claim_of(const lines::BuddyLine& line) const;
  [[nodiscard]] Claim claim_of(const lines::MemoryTotal& line) const;
  [[nodiscard]] Claim claim_of(const lines::LowmemReserve& /*line*/) const { return claim_detail(); }
  [[nodiscard]] Claim claim_of(const lines::HugepageLine& /*line*/) const { return claim_detail(); }
  [[nodiscard]] Claim claim_of(const lines::SlabStart& /*line*/) const { return claim_detail(); }
  [[nodiscard]] Claim claim_of(const lines::AllocationsStart& /*line*/) const { return claim_detail(); }
  [[nodiscard]] Claim claim_of(const lines::MemInfoDetail& /*line*/) const { return claim_detail(); }
  [[nodiscard]] Claim claim_of(const lines::TaskTitle& line) const;
  [[nodiscard]] Claim claim_of(const lines::TaskHeader& line) const;
  [[nodiscard]] Claim claim_of(const lines::TaskRow& line) const;
  [[nodiscard]] Claim claim_of(const lines::Summary& line) const;
  [[nodiscard]] Claim claim_of(const lines::Decision& line) const;
  [[nodiscard]] Claim claim_of(const lines::Kill& line) const;
  [[nodiscard]] Claim claim_of(const lines::GroupKill& line) const;
  [[nodiscard]] Claim claim_of(const lines::AlreadyExiting& /*line*/) const { return claim_end(); }
  [[nodiscard]] Claim claim_of(const lines::NoKillable& /*line*/) const { return claim_end(); }
  [[nodiscard]] Claim claim_of(const lines::OomPanic& /*line*/) const { return claim_end(); }
  [[nodiscard]] Claim claim_of(const auto& /*line*/) const { return Claim::none; }
  [[nodiscard]] Claim claim_part(Phase part, bool there) const;
  [[nodiscard]] Claim claim_mem_info(bool there) const;
  [[nodiscard]] Claim claim_detail() const;
  [[nodiscard]] Claim claim_in_trace() const;
  [[nodiscard]] Claim claim_end() const;
  [[nodiscard]] Claim claim_victim(std::int64_t pid) const;
  void keep_line(const OomLine& line, std::string_view text, std::uint64_t number);
  [[nodiscard]] bool has_open_trace() const;
  [[nodiscard]] bool is_of_another_trace(const OomLine& line) const;

  void fill_allocation(const lines::Allocation& line);
  void take_counters(const lines::StatsHeader& line);
  void reach(Phase phase);
  // A panic whose report is not there prints a stack of its own, of the same task.
  [[nodiscard]] bool is_past_trace() const { return phase_ > Phase::trace && !bare_panic_; }
  MemoryInfo& memory_info();
  CgroupReport& cgroup();

  ReportParts parts_;
  Phase phase_ = Phase::nothing;
  bool certain_ = false, has_cpuset_ = false, gfp_named_ = false, bare_panic_ = false;
  bool trace_started_ = false, trace_marked_ = false, trace_closed_ = false;  // "Call Trace:", "<TASK>", "</TASK>"
  std::string stats_path_;                                                    // of the first counters' block
  enum class Open { none, stats, slab, allocations } open_ = Open::none;
  cgroup::Counters stats_before_;                                                 // for amend()
  std::optional<std::pair<std::optional<std::int64_t>, std::string>> last_zone_;  // lowmem_reserve[] follows its zone
  std::optional<std::string> group_;
  std::optional<double> now_, group_time_;
  std::vector<QuotedLine> waiting_;
};

}  // namespace forensics

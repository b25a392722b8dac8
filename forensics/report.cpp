#include "forensics/report.h"

#include <algorithm>

#include "forensics/gfp.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kMostUnrecognized = 20;
constexpr std::size_t kMostFrames = 256;
constexpr std::size_t kMostRows = 200000;
constexpr std::size_t kMostCounters = 1000;

bool is_of_trace(const OomLine& line) {
  return std::holds_alternative<lines::Identity>(line) || std::holds_alternative<lines::Hardware>(line) ||
         std::holds_alternative<lines::CpusetLine>(line) || std::holds_alternative<lines::TraceStart>(line) ||
         std::holds_alternative<lines::Frame>(line) || std::holds_alternative<lines::TraceDetail>(line);
}

// The frames above dump_header(), which only the OOM killer has: of the stack's printing, by each architecture.
bool prints_stack(const ReportParts::StackFrame& frame) {
  return frame.symbol.find("stack") != std::string::npos || frame.symbol.find("trace") != std::string::npos ||
         frame.symbol.starts_with("show_") || !frame.reliable;
}

bool is_end(const OomLine& line) {
  return std::holds_alternative<lines::Summary>(line) || std::holds_alternative<lines::Decision>(line) ||
         std::holds_alternative<lines::Kill>(line) || std::holds_alternative<lines::GroupKill>(line) ||
         std::holds_alternative<lines::NoKillable>(line) || std::holds_alternative<lines::OomPanic>(line);
}

}  // namespace

Report::Report(std::size_t input, std::uint64_t line, const Record& record) {
  auto& incident = parts_.incident;
  incident.log.input = input;
  incident.log.first_line = incident.log.last_line = line;
  incident.time.monotonic_s = record.monotonic_s;
  if (record.wall) {
    incident.time.realtime = to_text(*record.wall);
  }
  if (!record.host.empty()) {
    incident.time.host = std::string(record.host);
  }
}

Report::Fit Report::add(const OomLine& line, const Record& record, std::uint64_t number) {
  now_ = record.monotonic_s;
  if (is_of_another_trace(line)) {
    return Fit::next_report;
  }
  const auto fit = std::visit([this](const auto& what) { return take(what); }, line);
  if (fit == Fit::taken) {
    auto& log = parts_.incident.log;
    log.last_line = number;
    for (auto& unknown : waiting_) {
      if (log.unrecognized.size() < kMostUnrecognized) {
        log.unrecognized.push_back(std::move(unknown));
      }
    }
    waiting_.clear();
    keep_line(line, record.message, number);
    if (!std::holds_alternative<lines::StatCounter>(line) && !std::holds_alternative<lines::StatsHeader>(line) &&
        open_ == Open::stats) {
      open_ = Open::none;
    }
  }
  return fit;
}

void Report::keep_line(const OomLine& line, std::string_view text, std::uint64_t number) {
  if (!std::holds_alternative<lines::TaskRow>(line)) {
    parts_.excerpt.add(name_of(line), text, number);
  } else if (parts_.excerpt.rows() < parts_.rows.size()) {
    parts_.excerpt.add_row(number);
  }
}

// A warning, a lockup and an oops print a stack too: what follows one is of the same report only when the stack, whose
// first lines are lost, is that of an OOM.
bool Report::is_of_another_trace(const OomLine& line) const {
  if (certain_ || phase_ != Phase::trace || parts_.allocation_failure || is_of_trace(line)) {
    return false;
  }
  const auto speaks_of_oom = [](const ReportParts::StackFrame& frame) {
    return frame.symbol.find("oom") != std::string::npos || frame.symbol.find("out_of_memory") != std::string::npos ||
           frame.symbol == "dump_header";
  };
  return parts_.frames.empty() ? is_end(line) : std::ranges::none_of(parts_.frames, speaks_of_oom);
}

bool Report::add_row(std::string_view message, std::uint64_t number) {
  if (open_ == Open::slab) {
    if (auto row = lines::parse_slab_row(message)) {
      auto& slab = memory_info().slab;
      if (slab.size() < kMostRows) {
        slab.push_back(std::move(row->cache));
      }
      parts_.excerpt.add("slab row", message, number);
      parts_.incident.log.last_line = number;
      return true;
    }
  }
  if (open_ == Open::allocations) {
    if (auto row = lines::parse_allocation_row(message)) {
      auto& sites = memory_info().allocations;
      if (sites.size() < kMostCounters) {
        sites.push_back(std::move(row->site));
      }
      parts_.excerpt.add("allocation row", message, number);
      parts_.incident.log.last_line = number;
      return true;
    }
  }
  return false;
}

void Report::add_unrecognized(std::string_view message, std::uint64_t number) {
  if (waiting_.size() < kMostUnrecognized && !trim(message).empty()) {
    constexpr std::size_t kLongest = 2000;
    waiting_.push_back({.line = number, .text = std::string(message.substr(0, kLongest))});
  }
}

void Report::forget_unrecognized(std::uint64_t number) {
  std::erase_if(waiting_, [number](const QuotedLine& unknown) { return unknown.line == number; });
}

bool Report::mark_reaped(const lines::Reaped& reaped, std::string_view text, std::uint64_t number) {
  const auto victim = std::ranges::find(parts_.incident.victims, reaped.pid, &Victim::pid);
  if (victim == parts_.incident.victims.end()) {
    return false;
  }
  victim->reaped = reaped.reaped;
  parts_.excerpt.add("reaper", text, number);
  return true;
}

std::optional<Victim> Report::take_last_victim() {
  auto& victims = parts_.incident.victims;
  if (victims.size() < 2) {
    return std::nullopt;
  }
  auto last = std::move(victims.back());
  victims.pop_back();
  last.role = "selected";
  return last;
}

void Report::give_victim(Victim victim) {
  reach(Phase::kill);
  certain_ = true;
  parts_.prefixed_kill = true;
  parts_.incident.victims.push_back(std::move(victim));
}

bool Report::has_outcome() const {
  return phase_ == Phase::kill;
}

void Report::reach(Phase phase) {
  phase_ = std::max(phase_, phase);
}

MemoryInfo& Report::memory_info() {
  auto& info = parts_.incident.memory_info;
  if (!info) {
    info.emplace();
  }
  return *info;
}

CgroupReport& Report::cgroup() {
  auto& report = parts_.incident.cgroup;
  if (!report) {
    report.emplace();
  }
  return *report;
}

void Report::fill_allocation(const lines::Allocation& line) {
  auto& trigger = parts_.incident.trigger;
  if (!line.comm.empty() || line.order) {
    trigger.comm = std::string(line.comm);
  }
  if (line.gfp_value) {
    gfp_named_ = line.gfp_has_names;
    trigger.gfp_mask = read_gfp_mask(*line.gfp_value, line.gfp_names, line.gfp_has_names);
  }
  trigger.order = line.order;
  trigger.oom_score_adj = line.oom_score_adj;
  if (line.nodemask && *line.nodemask != "(null)") {
    trigger.nodemask = std::string(*line.nodemask);
  }
}

Report::Fit Report::take(const lines::Trigger& line) {
  if (phase_ != Phase::nothing) {
    return Fit::next_report;
  }
  fill_allocation(line);
  certain_ = true;
  reach(Phase::header);
  return Fit::taken;
}

Report::Fit Report::take(const lines::AllocationFailure& line) {
  if (phase_ != Phase::nothing) {
    return Fit::next_report;
  }
  fill_allocation(line);
  parts_.allocation_failure = true;
  certain_ = true;
  reach(Phase::header);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Identity& line) {
  auto& incident = parts_.incident;
  if (is_past_trace() || incident.trigger.pid) {
    trace_closed_ = true;  // another CPU's stack begins
    return Fit::foreign;
  }
  incident.trigger.pid = line.pid;
  incident.trigger.cpu = line.cpu;
  if (!incident.trigger.comm && !line.comm.empty()) {
    incident.trigger.comm = std::string(line.comm);
  }
  if (!line.comm.empty() && line.pid &&
      incident.trigger.comm == std::string(line.comm) + ":" + std::to_string(*line.pid)) {
    incident.trigger.comm = std::string(line.comm);  // vendors print "comm:pid invoked oom-killer"
  }
  if (!line.release.empty()) {
    incident.kernel.release = std::string(line.release);
  }
  if (line.tainted) {
    incident.kernel.tainted = std::string(*line.tainted);
  }
  reach(Phase::trace);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Hardware& line) {
  if (is_past_trace() || parts_.incident.kernel.hardware) {
    return Fit::foreign;
  }
  parts_.incident.kernel.hardware = std::string(line.text);
  reach(Phase::trace);
  return Fit::taken;
}

Report::Fit Report::take(const lines::CpusetLine& /*line*/) {
  if (phase_ != Phase::header && phase_ != Phase::trace) {
    return Fit::foreign;
  }
  has_cpuset_ = true;
  return Fit::taken;
}

Report::Fit Report::take(const lines::TraceStart& line) {
  if (is_past_trace()) {
    return Fit::foreign;
  }
  (line.task ? trace_marked_ : trace_started_) = true;
  reach(Phase::trace);
  return Fit::taken;
}

Report::Fit Report::take(const lines::Frame& line) {
  if (phase_ == Phase::nothing || is_past_trace() || trace_closed_) {
    return Fit::foreign;
  }
  certain_ = certain_ || (line.symbol.starts_with("dump_header") && std::ranges::all_of(parts_.frames, prints_stack));
  if (parts_.frames.size() < kMostFrames) {
    parts_.frames.push_back({.symbol = std::string(line.symbol), .reliable = line.reliable});
  }
  reach(Phase::trace);
  return Fit::taken;
}

Report::Fit Report::take(const lines::TraceDetail& line) {
  if (phase_ == Phase::nothing || is_past_trace()) {
    return Fit::foreign;
  }
  trace_closed_ = trace_closed_ || line.ends;
  if (line.moom && !parts_.allocation_failure) {
    set_manual();
  }
  return Fit::taken;
}

// Like an allocation failure, with a Mem-Info block that is not an OOM's; never certain, so it becomes no incident.
Report::Fit Report::take(const lines::ShowMemory& /*line*/) {
  if (phase_ != Phase::nothing) {
    return Fit::next_report;
  }
  parts_.allocation_failure = true;
  reach(Phase::header);
  return Fit::taken;
}

Report::Fit Report::take(const lines::ManualOom& line) {
  if (!line.ignored || phase_ == Phase::nothing) {
    return Fit::foreign;
  }
  parts_.request_ignored = true;
  set_manual();
  reach(Phase::kill);
  return Fit::taken;
}

}  // namespace forensics

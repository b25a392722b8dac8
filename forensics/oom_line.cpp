#include "forensics/oom_line.h"

namespace forensics {
namespace {

using Reader = std::optional<OomLine> (*)(std::string_view);

template <auto Parse>
std::optional<OomLine> as_line(std::string_view message) {
  if (auto found = Parse(message)) {
    return OomLine(std::move(*found));
  }
  return std::nullopt;
}

// The order matters only where one shape holds another: a trigger may be named like anything, a frame's shape is loose.
constexpr Reader kReaders[] = {
    as_line<lines::parse_trigger>,
    as_line<lines::parse_task_row>,
    as_line<lines::parse_kill>,
    as_line<lines::parse_summary>,
    as_line<lines::parse_allocation_failure>,
    as_line<lines::parse_task_header>,
    as_line<lines::parse_task_title>,
    as_line<lines::parse_decision>,
    as_line<lines::parse_group_kill>,
    as_line<lines::parse_already_exiting>,
    as_line<lines::parse_reaped>,
    as_line<lines::parse_no_killable>,
    as_line<lines::parse_oom_panic>,
    as_line<lines::parse_shared_memory>,
    as_line<lines::parse_usage>,
    as_line<lines::parse_memcg_limit>,
    as_line<lines::parse_stats_header>,
    as_line<lines::parse_mem_info_start>,
    as_line<lines::parse_page_counters>,
    as_line<lines::parse_node_line>,
    as_line<lines::parse_zone_line>,
    as_line<lines::parse_lowmem_reserve>,
    as_line<lines::parse_buddy_line>,
    as_line<lines::parse_hugepage_line>,
    as_line<lines::parse_memory_total>,
    as_line<lines::parse_slab_start>,
    as_line<lines::parse_allocations_start>,
    as_line<lines::parse_mem_info_detail>,
    as_line<lines::parse_identity>,
    as_line<lines::parse_hardware>,
    as_line<lines::parse_suppressed>,
    as_line<lines::parse_manual_oom>,
    as_line<lines::parse_boot>,
    as_line<lines::parse_show_memory>,
    as_line<lines::parse_aside>,
    as_line<lines::parse_trace_start>,
    as_line<lines::parse_trace_detail>,
    as_line<lines::parse_cpuset_line>,
    as_line<lines::parse_stat_counter>,
    as_line<lines::parse_frame>,
};

// A kind that has no name here does not compile.
struct Name {
  std::string_view operator()(const lines::Trigger& /*line*/) const { return "trigger"; }
  std::string_view operator()(const lines::AllocationFailure& /*line*/) const { return "allocation failure"; }
  std::string_view operator()(const lines::ManualOom& /*line*/) const { return "manual trigger"; }
  std::string_view operator()(const lines::Suppressed& /*line*/) const { return "suppressed lines"; }
  std::string_view operator()(const lines::Boot& /*line*/) const { return "boot"; }
  std::string_view operator()(const lines::Identity& /*line*/) const { return "process"; }
  std::string_view operator()(const lines::Hardware& /*line*/) const { return "hardware"; }
  std::string_view operator()(const lines::CpusetLine& /*line*/) const { return "cpuset"; }
  std::string_view operator()(const lines::TraceStart& /*line*/) const { return "stack start"; }
  std::string_view operator()(const lines::Frame& /*line*/) const { return "stack frame"; }
  std::string_view operator()(const lines::TraceDetail& /*line*/) const { return "stack detail"; }
  std::string_view operator()(const lines::MemcgLimit& /*line*/) const { return "memcg limit"; }
  std::string_view operator()(const lines::UsageLine& /*line*/) const { return "memcg usage"; }
  std::string_view operator()(const lines::StatsHeader& /*line*/) const { return "memcg stats"; }
  std::string_view operator()(const lines::StatCounter& /*line*/) const { return "memcg counter"; }
  std::string_view operator()(const lines::MemInfoStart& /*line*/) const { return "memory info"; }
  std::string_view operator()(const lines::PageCounters& /*line*/) const { return "page counters"; }
  std::string_view operator()(const lines::NodeLine& /*line*/) const { return "node"; }
  std::string_view operator()(const lines::ZoneLine& /*line*/) const { return "zone"; }
  std::string_view operator()(const lines::LowmemReserve& /*line*/) const { return "lowmem reserve"; }
  std::string_view operator()(const lines::BuddyLine& /*line*/) const { return "free lists"; }
  std::string_view operator()(const lines::HugepageLine& /*line*/) const { return "huge pages"; }
  std::string_view operator()(const lines::MemoryTotal& /*line*/) const { return "memory total"; }
  std::string_view operator()(const lines::SlabStart& /*line*/) const { return "slab table"; }
  std::string_view operator()(const lines::AllocationsStart& /*line*/) const { return "allocation table"; }
  std::string_view operator()(const lines::MemInfoDetail& /*line*/) const { return "memory detail"; }
  std::string_view operator()(const lines::ShowMemory& /*line*/) const { return "memory on demand"; }
  std::string_view operator()(const lines::Aside& /*line*/) const { return "aside"; }
  std::string_view operator()(const lines::TaskTitle& /*line*/) const { return "task table"; }
  std::string_view operator()(const lines::TaskHeader& /*line*/) const { return "task columns"; }
  std::string_view operator()(const lines::TaskRow& /*line*/) const { return "task row"; }
  std::string_view operator()(const lines::Summary& /*line*/) const { return "summary"; }
  std::string_view operator()(const lines::Decision& /*line*/) const { return "decision"; }
  std::string_view operator()(const lines::Kill& /*line*/) const { return "kill"; }
  std::string_view operator()(const lines::GroupKill& /*line*/) const { return "group kill"; }
  std::string_view operator()(const lines::AlreadyExiting& /*line*/) const { return "already exiting"; }
  std::string_view operator()(const lines::SharedMemory& /*line*/) const { return "shared memory"; }
  std::string_view operator()(const lines::Reaped& /*line*/) const { return "reaper"; }
  std::string_view operator()(const lines::NoKillable& /*line*/) const { return "no victim"; }
  std::string_view operator()(const lines::OomPanic& /*line*/) const { return "panic"; }
};

}  // namespace

std::string_view name_of(const OomLine& line) {
  return std::visit(Name{}, line);
}

std::optional<OomLine> parse_oom_line(std::string_view message) {
  for (const auto reader : kReaders) {
    if (auto line = reader(message)) {
      return line;
    }
  }
  return std::nullopt;
}

}  // namespace forensics

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

}  // namespace

std::optional<OomLine> parse_oom_line(std::string_view message) {
  for (const auto reader : kReaders) {
    if (auto line = reader(message)) {
      return line;
    }
  }
  return std::nullopt;
}

}  // namespace forensics

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "forensics/lines/memcg.h"
#include "forensics/report_parts.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::uint64_t kUsualPage = 4096;

bool trace_has(const ReportParts& parts, std::initializer_list<std::string_view> starts) {
  return std::ranges::any_of(parts.frames, [&](const ReportParts::StackFrame& frame) {
    return std::ranges::any_of(starts, [&](std::string_view start) { return begins_with(frame.symbol, start); });
  });
}

// The summary's constraint says memcg only from 5.2 on (5.0 and 5.1 print CONSTRAINT_NONE always): oom_memcg and the
// words before "Killed" are better evidence.
std::string scope_of(const ReportParts& parts) {
  const auto& cgroup = parts.incident.cgroup;
  const bool memcg = (cgroup && (cgroup->oom_memcg || cgroup->memory)) || parts.domain == lines::Domain::memcg ||
                     parts.memcg_block || parts.memcg_panic;
  if (parts.constraint) {
    if (*parts.constraint == "CONSTRAINT_CPUSET") {
      return "cpuset";
    }
    if (*parts.constraint == "CONSTRAINT_MEMORY_POLICY") {
      return "mempolicy";
    }
    return memcg || *parts.constraint == "CONSTRAINT_MEMCG" ? "memcg" : "global";
  }
  if (memcg) {
    return "memcg";
  }
  switch (parts.domain) {
    case lines::Domain::cpuset:
      return "cpuset";
    case lines::Domain::mempolicy:
      return "mempolicy";
    case lines::Domain::global:
    case lines::Domain::allocating:
      return "global";
    case lines::Domain::memcg:
    case lines::Domain::unknown:
      break;
  }
  if (trace_has(parts, {"mem_cgroup_out_of_memory", "mem_cgroup_oom_synchronize", "mem_cgroup_oom", "try_charge"})) {
    return "memcg";
  }
  const bool global = parts.global_block || parts.panic || parts.incident.manual ||
                      trace_has(parts, {"__alloc_pages", "alloc_pages", "moom_callback"});
  return global ? "global" : "unknown";
}

std::string kind_of(const ReportParts& parts) {
  if (parts.allocation_failure) {
    return "allocation_failure";
  }
  if (parts.panic) {
    return "panic";
  }
  const bool nobody = parts.no_killable || parts.already_exiting || parts.request_ignored;
  return nobody && parts.incident.victims.empty() && !parts.decision ? "no_victim" : "oom_kill";
}

// Which cgroup version printed the block: "swap:" only v2; "memory+swap:" and "kmem:" are v1's since 5.3 (separate
// counters), before that only when they count.
std::optional<int> hierarchy_of(const ReportParts& parts) {
  const auto& cgroup = *parts.incident.cgroup;
  if (cgroup.swap) {
    return 2;
  }
  const auto in_use = [](const std::optional<Usage>& usage) {
    return usage && (usage->usage_bytes.value_or(0) > 0 || usage->limit_bytes || usage->failcnt.value_or(0) > 0);
  };
  const bool v1_lines = cgroup.memsw || cgroup.kmem;
  return v1_lines && (parts.separate_counters || in_use(cgroup.memsw) || in_use(cgroup.kmem)) ? std::optional(1)
                                                                                              : std::nullopt;
}

// From the buddy lists ("1*4kB" is one page), else from the victim, whose size the table states in pages and the kill
// line in kB.
// What the name of some kernels says: those of ppc64 and the large ones of arm64.
Count page_size_of_release(const Text& release) {
  struct Mark {
    std::string_view text;
    std::uint64_t size;
  };
  constexpr std::array kMarks = {Mark{"ppc64", 65536}, Mark{"64k", 65536}, Mark{"16k", 16384}, Mark{"rpi-2712", 16384},
                                 Mark{"asahi", 16384}};
  const auto mark = std::ranges::find_if(
      kMarks, [&](const Mark& candidate) { return release && release->find(candidate.text) != std::string::npos; });
  return mark == kMarks.end() ? std::nullopt : Count(mark->size);
}

// Page tables are whole pages (but on ppc64, which packs them), so one that is no multiple of the larger sizes shows
// the usual size.
Count page_size_of_tables(const ReportParts& parts, const lines::Columns& columns) {
  constexpr std::uint64_t kLarger = 16384;
  for (const auto& row : parts.rows) {
    const auto figures = lines::split_task_row(row.text, row.numbers, columns);
    if (figures && figures->pgtables_bytes.value_or(0) % kLarger != 0) {
      return kUsualPage;
    }
  }
  return std::nullopt;
}

// The buddy lists begin with the size of one page.
Count page_size_of_zones(const ReportParts& parts) {
  if (!parts.incident.memory_info) {
    return std::nullopt;
  }
  const auto& zones = parts.incident.memory_info->zones;
  const auto found = std::ranges::find_if(zones, [](const auto& zone) { return !zone.buddy.empty(); });
  return found == zones.end() ? std::nullopt : Count(found->buddy.front().size_bytes);
}

Count page_size_of(const ReportParts& parts, const lines::Columns& columns) {
  if (const auto size = page_size_of_zones(parts)) {
    return size;
  }
  const auto row_of = [&](std::int64_t pid) -> std::optional<lines::TaskFigures> {
    for (const auto& row : parts.rows) {
      if (row.numbers.values[0] != pid) {
        continue;
      }
      if (auto figures = lines::split_task_row(row.text, row.numbers, columns)) {
        return figures;
      }
    }
    return std::nullopt;
  };
  for (const auto& victim : parts.incident.victims) {
    const auto row = victim.total_vm_bytes ? row_of(victim.pid) : std::nullopt;
    if (!row || row->total_vm_pages.value_or(0) == 0) {
      continue;
    }
    const auto size = *victim.total_vm_bytes / *row->total_vm_pages;
    if (size >= 4096 && size <= 65536 && std::has_single_bit(size) &&
        size * *row->total_vm_pages == *victim.total_vm_bytes) {
      return size;
    }
  }
  const auto by_release = page_size_of_release(parts.incident.kernel.release);
  return by_release ? by_release : page_size_of_tables(parts, columns);
}

Count in_bytes(const Count& pages, std::uint64_t page) {
  return pages ? Count(saturated(*pages, page)) : std::nullopt;
}

lines::Columns guess_columns(const ReportParts& parts) {
  std::vector<std::string> rows;
  rows.reserve(parts.rows.size());
  for (const auto& row : parts.rows) {
    rows.push_back(row.text);
  }
  return lines::guess_columns(rows).value_or(lines::Columns{});
}

// The tasks, and of each the index of its row.
std::vector<std::size_t> fill_tasks(ReportParts& parts, const lines::Columns& columns, std::uint64_t page) {
  auto& tasks = parts.incident.tasks;
  std::vector<std::size_t> row_of_task;
  tasks.reserve(parts.rows.size());
  for (std::size_t i = 0; i < parts.rows.size(); ++i) {
    auto row = lines::split_task_row(parts.rows[i].text, parts.rows[i].numbers, columns);
    if (!row) {
      continue;
    }
    row_of_task.push_back(i);
    auto& task = tasks.emplace_back(std::move(row->task));
    task.total_vm_bytes = in_bytes(row->total_vm_pages, page);
    task.rss_bytes = in_bytes(row->rss_pages, page);
    task.rss_anon_bytes = in_bytes(row->rss_anon_pages, page);
    task.rss_file_bytes = in_bytes(row->rss_file_pages, page);
    task.rss_shmem_bytes = in_bytes(row->rss_shmem_pages, page);
    task.pgtables_bytes = row->pgtables_bytes ? row->pgtables_bytes : in_bytes(row->table_pages, page);
    task.swap_bytes = in_bytes(row->swap_entries, page);
  }
  return row_of_task;
}

// 5.4.0 to 5.4.8 print the page tables' bytes with the unit kB.
void correct_page_tables(Incident& incident, std::vector<Warning>& warnings) {
  for (auto& victim : incident.victims) {
    if (!victim.pgtables_bytes || *victim.pgtables_bytes == 0) {
      continue;
    }
    const auto printed = *victim.pgtables_bytes / 1024;
    const auto task = std::ranges::find(incident.tasks, victim.pid, &Task::pid);
    const bool same_as_table = task != incident.tasks.end() && task->pgtables_bytes == printed;
    // Page tables take about 1/512 of what they map: an eighth of all virtual memory is not possible.
    const bool impossible =
        victim.total_vm_bytes && *victim.pgtables_bytes > *victim.total_vm_bytes / 8 + (std::uint64_t{1} << 22);
    if (printed % 4096 == 0 && (same_as_table || impossible)) {
      victim.pgtables_bytes = printed;
      warnings.push_back({.code = "pgtables_unit",
                          .message = fmt::format("pgtables of process {} was printed in bytes with the unit kB (a bug "
                                                 "of Linux 5.4.0 to 5.4.8); read as bytes",
                                                 victim.pid),
                          .input = incident.log.input,
                          .line = incident.log.last_line});
    }
  }
}

// Who was killed where no line says so. Who is chosen dies, or (until 5.0) a child: at the end of a cut log that is
// open, where the line was filtered out it is the best there is.
std::optional<Victim> chosen_victim(const ReportParts& parts) {
  Victim chosen;
  if (parts.decision && !parts.cut_off) {
    chosen.pid = parts.decision->pid;
    chosen.comm = parts.decision->comm;
    chosen.score = parts.decision->score;
    return chosen;
  }
  if (parts.summary_pid && parts.incident.kind != "panic") {
    chosen.pid = *parts.summary_pid;
    chosen.comm = parts.summary_task;
    return chosen;
  }
  return std::nullopt;
}

// What the decision and the summary say of the first victim.
void complete_from_header(const ReportParts& parts, Victim& first) {
  const auto& cgroup = parts.incident.cgroup;
  if (parts.decision && first.pid != parts.decision->pid) {
    first.role = "child";
  }
  if (parts.decision && !first.score) {
    first.score = parts.decision->score;
  }
  if (parts.domain == lines::Domain::allocating) {
    first.role = "allocating";
  }
  if (parts.summary_memcg && (!parts.summary_pid || *parts.summary_pid == first.pid)) {
    first.task_memcg = parts.summary_memcg;
  } else if (!parts.summary_pid && cgroup && cgroup->task_memcg) {
    first.task_memcg = cgroup->task_memcg;
  }
  if (!first.uid && parts.summary_pid == first.pid) {
    first.uid = parts.summary_uid;
  }
}

void complete_victims(ReportParts& parts) {
  auto& victims = parts.incident.victims;
  if (victims.empty()) {
    if (auto chosen = chosen_victim(parts)) {
      victims.push_back(std::move(*chosen));
    }
  }
  if (!victims.empty()) {
    complete_from_header(parts, victims.front());
  }
}

// What the table says of a victim that the kill line does not.
void complete_from_table(Incident& incident) {
  for (auto& victim : incident.victims) {
    const auto task = std::ranges::find(incident.tasks, victim.pid, &Task::pid);
    if (task == incident.tasks.end()) {
      continue;
    }
    if (!victim.uid) {
      victim.uid = task->uid;
    }
    if (!victim.oom_score_adj) {
      victim.oom_score_adj = task->oom_score_adj;
    }
  }
}

void note_missing(const ReportParts& parts, bool killed, Incident& incident) {
  const auto need = [&](bool there, std::string_view part) {
    if (!there) {
      incident.missing.emplace_back(part);
    }
  };
  const auto& cgroup = incident.cgroup;
  need(incident.trigger.gfp_mask.has_value(), "trigger");
  need(!incident.call_trace.empty(), "call_trace");
  const bool memcg = incident.scope == "memcg";
  if (incident.kind == "allocation_failure") {
    need(incident.memory_info.has_value(), "memory_info");
    incident.complete = incident.missing.empty();
    return;
  }
  if (memcg) {
    need(cgroup && cgroup->memory, "cgroup_usage");
    need((cgroup && !cgroup->stat.empty()) || incident.memory_info,
         "cgroup_stat");  // until 3.8 the whole Mem-Info block stands here
  } else {
    need(incident.memory_info && !incident.memory_info->zones.empty(), "memory_info");
  }
  need(!incident.tasks.empty(), "tasks");
  const bool older = parts.decision.has_value() || (killed && !parts.prefixed_kill);  // until 4.20 there is no summary
  need(parts.constraint || older || incident.kind != "oom_kill", "constraint");
  need(killed || incident.kind != "oom_kill", "victim");
  incident.complete = incident.missing.empty();
}

// Nothing of a part stays of which some lines may be another report's, or went to it.
void leave_out_doubtful(ReportParts& parts, std::vector<Warning>& warnings) {
  if (parts.doubtful.none()) {
    return;
  }
  for (std::size_t i = 0; i < parts.doubtful.size(); ++i) {
    if (parts.doubtful.test(i)) {
      leave_out(parts, static_cast<ReportParts::Section>(i));
    }
  }
  warnings.push_back({.code = "interleaved_reports",
                      .message = "the lines of two reports are mixed without the callers' ids: what could be of either "
                                 "is left out",
                      .input = parts.incident.log.input,
                      .line = parts.incident.log.first_line});
}

// The counters of 5.3 to 6.4 are one record, which ends at 992 bytes (976 with caller ids, 1024 later): within a
// number.
void drop_cut_counter(ReportParts& parts, std::vector<Warning>& warnings) {
  constexpr std::array<std::size_t, 3> kLongest = {992, 976, 1024};
  auto& cgroup = parts.incident.cgroup;
  if (!cgroup || cgroup->stat.empty() || cgroup->stat.size() != parts.stat_counters ||
      std::ranges::find(kLongest, parts.stat_bytes) == kLongest.end()) {
    return;
  }
  warnings.push_back({.code = "counters_cut",
                      .message = fmt::format("the record of the counters is as long as a record can be: its last, {}, "
                                             "may be cut and is left out",
                                             cgroup->stat.back().first),
                      .input = parts.incident.log.input,
                      .line = parts.incident.log.first_line});
  cgroup->stat.pop_back();
}

// Until 5.2 every group below has a block of its own, and the sum counts: it is not known when some may be cut away.
void drop_cut_sum(ReportParts& parts) {
  auto& cgroup = parts.incident.cgroup;
  const bool ends_within = parts.cut_off && parts.rows.empty() && !parts.has_table && !parts.decision &&
                           parts.incident.victims.empty() && !parts.no_killable;
  if (cgroup && !parts.separate_counters && (ends_within || !cgroup->memory)) {
    cgroup->stat.clear();
  }
}

// 5.0 and 5.1 print CONSTRAINT_NONE for every report.
void note_constraint(const ReportParts& parts, std::vector<Warning>& warnings) {
  if (parts.incident.scope == "memcg" && parts.constraint == "CONSTRAINT_NONE") {
    warnings.push_back({.code = "constraint_none",
                        .message = "the summary says CONSTRAINT_NONE for a memory cgroup's limit (a bug of Linux 5.0 "
                                   "and 5.1); read as the cgroup's",
                        .input = parts.incident.log.input,
                        .line = parts.incident.log.last_line});
  }
}

}  // namespace

void leave_out(ReportParts& parts, ReportParts::Section section) {
  using Section = ReportParts::Section;
  auto& cgroup = parts.incident.cgroup;
  switch (section) {
    case Section::trace:
      parts.frames.clear();
      parts.incident.kernel.hardware.reset();
      break;
    case Section::usage:
      if (cgroup) {
        cgroup->memory = cgroup->swap = cgroup->memsw = cgroup->kmem = std::nullopt;
      }
      break;
    case Section::stats:
      if (cgroup) {
        cgroup->stat.clear();
      }
      break;
    case Section::memory_info:
      parts.incident.memory_info.reset();
      break;
    case Section::tasks:
      parts.rows.clear();
      break;
    case Section::other:
      break;
  }
  if ((section == Section::usage || section == Section::stats) && cgroup && !parts.summary_memcg) {
    cgroup->oom_memcg.reset();
    cgroup->task_memcg.reset();
  }
}

Incident finish_report(ReportParts parts, std::vector<Warning>& warnings) {
  auto& incident = parts.incident;
  leave_out_doubtful(parts, warnings);
  drop_cut_counter(parts, warnings);
  drop_cut_sum(parts);
  const bool killed = !incident.victims.empty();
  if (incident.trigger.order == -1 || (!parts.allocation_failure && trace_has(parts, {"moom_callback"}))) {
    incident.manual = true;  // sysrq-f, whoever wrote to /proc/sysrq-trigger
  }
  incident.kind = kind_of(parts);
  incident.scope = parts.allocation_failure ? "unknown" : scope_of(parts);
  note_constraint(parts, warnings);
  complete_victims(parts);

  const bool any_reliable = std::ranges::any_of(parts.frames, &ReportParts::StackFrame::reliable);
  for (auto& frame : parts.frames) {
    if (frame.reliable || (!any_reliable && !parts.cut_off)) {  // the reliable ones come last
      incident.call_trace.push_back(std::move(frame.symbol));
    }
  }

  const auto columns = parts.columns ? *parts.columns : guess_columns(parts);
  const auto page = page_size_of(parts, columns);
  std::vector<std::size_t> row_of_task;
  if (!columns.empty()) {
    row_of_task = fill_tasks(parts, columns, page.value_or(kUsualPage));
  }
  incident.analysis.page_size_bytes = page;
  correct_page_tables(incident, warnings);
  complete_from_table(incident);
  if (incident.cgroup) {
    incident.cgroup->hierarchy = hierarchy_of(parts);
  }
  note_missing(parts, killed, incident);
  parts.excerpt.finish(parts.rows, row_of_task, incident);
  return std::move(incident);
}

}  // namespace forensics

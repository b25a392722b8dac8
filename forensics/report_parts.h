#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <vector>

#include "forensics/document.h"
#include "forensics/excerpt.h"
#include "forensics/lines/outcome.h"
#include "forensics/lines/tasks.h"

namespace forensics {

// What one report's lines said, before it becomes an incident: figures as printed, and which parts were seen.
struct ReportParts {
  Incident incident;  // filled directly where nothing has to be worked out at the end

  struct StackFrame {
    std::string symbol;
    bool reliable = true;
  };
  std::vector<StackFrame> frames;

  bool has_table = false;
  std::optional<lines::Columns> columns;
  std::vector<lines::KeptTaskRow> rows;

  Excerpt excerpt;

  std::optional<std::string> constraint;  // of the summary
  bool global_oom = false;
  std::optional<std::int64_t> summary_pid, summary_uid;
  std::optional<std::string> summary_task, summary_memcg;

  struct Chosen {  // "Kill process N (x) score S or sacrifice child"
    std::int64_t pid = 0;
    std::optional<std::string> comm;
    std::optional<std::int64_t> score;
  };
  std::optional<Chosen> decision;
  lines::Domain domain = lines::Domain::unknown;
  bool prefixed_kill = false;  // a form of 5.1+, which has a summary before it when the header was printed

  bool allocation_failure = false, no_killable = false, panic = false, already_exiting = false, request_ignored = false;
  bool memcg_block = false, separate_counters = false, global_block = false;
  bool memcg_panic = false;
  enum class Section { trace, usage, stats, memory_info, tasks, other };
  using Sections = std::bitset<6>;
  Sections doubtful;  // parts that hold another report's lines, or lack some: left out in the end
  std::size_t stat_bytes = 0, stat_counters = 0;  // of the counters that came one a line, as printed
  bool cut_off = false;                           // the input ended within the report, or just after it
};

// Forgets what was read of a part.
void leave_out(ReportParts& parts, ReportParts::Section section);

// Works out what the lines imply: scope, kind, page size and bytes, tasks, the victims' roles, what is missing. Appends
// what had to be corrected to warnings.
Incident finish_report(ReportParts parts, std::vector<Warning>& warnings);

}  // namespace forensics

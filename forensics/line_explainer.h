#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/assembler.h"
#include "forensics/demux.h"
#include "forensics/line_reader.h"

namespace forensics {

// What one line of a log was read as.
struct ExplainedLine {
  enum class Sort {
    of_report,     // a line of a report, or one that says something about a report
    continuation,  // the rest of a line that was broken, or one of the lines that make up a record
    unrecognized,  // inside a report, and not understood
    other,         // not of a report
  };
  Sort sort = Sort::other;
  std::string_view kind;  // "trigger", "task row", ..., "not of a report"
  std::string carrier;    // as documents name it; empty when the line has no carrier's shape
  std::string time;       // of the day, else the kernel's stamp in brackets; empty when there is none
};

// Lines of one input to what they were read as, one by one, for who learns to read a report or reports a mistake of the
// parser. They go through the parser's own Demux, parse_oom_line() and Assembler. What only a later line shows is not
// known yet: a report that turns out to be none, the first half of a broken line.
class LineExplainer {
 public:
  // carrier: forced, else all are tried.
  explicit LineExplainer(const std::optional<std::string>& carrier);
  ExplainedLine explain(const Line& line);

 private:
  ExplainedLine explain(const Record& record, const Line& line);
  ExplainedLine classify(const Record& record, std::string_view message, const Line& line);
  ExplainedLine classify_each(const Record& record, std::string_view message, const Line& line);
  void remember(const OomLine& what);
  [[nodiscard]] std::optional<std::string_view> row_kind(std::string_view message) const;
  bool joins(const Record& record, std::string_view message, const Line& line);
  [[nodiscard]] bool is_of_report(const OomLine& what) const;

  Demux demux_;
  std::vector<Warning> warnings_;
  Assembler assembler_;
  enum class Table { none, stats, slab, allocations } table_ = Table::none;
  bool outcome_ = false;  // the report that may still be open has its kill
  std::string last_text_;
  std::uint64_t last_number_ = 0;
};

}  // namespace forensics

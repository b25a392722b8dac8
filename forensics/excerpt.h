#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "forensics/document.h"
#include "forensics/lines/tasks.h"

namespace forensics {

// The lines of one report as they were printed, for LogSpan::lines. A report has some tens of lines and may have
// thousands: of each kind the first are kept, of a long task table the rows that matter.
class Excerpt {
 public:
  // kind as name_of() says it.
  void add(std::string_view kind, std::string_view text, std::uint64_t number);
  // The line that came last was only the beginning of this one.
  void complete(std::string_view text);
  // A row of the task table, whose text whoever keeps the table has.
  void add_row(std::uint64_t number) { row_numbers_.push_back(number); }
  [[nodiscard]] std::size_t rows() const { return row_numbers_.size(); }

  // Everything in the order of the log. table: the rows that were added; row_of_task: of each task of the incident
  // the index of its row.
  void finish(const std::vector<lines::KeptTaskRow>& table, const std::vector<std::size_t>& row_of_task,
              Incident& incident);

 private:
  std::vector<LogLine> lines_;
  std::vector<std::uint64_t> row_numbers_;
  std::vector<std::pair<std::string_view, std::size_t>> counts_;  // by kind
  std::uint64_t left_out_ = 0;
  bool last_kept_ = false;
};

// One more line for an incident that is done: the reaper's, a user-space killer's.
void add_line(LogSpan& log, std::string_view kind, std::string_view text, std::uint64_t number);

}  // namespace forensics

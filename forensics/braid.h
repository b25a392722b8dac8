#pragma once

#include <cstddef>

#include "forensics/report.h"

namespace forensics {

// Two reports of one log without caller ids whose lines are mixed: says whose a line is. What a line names (a comm, a
// pid, a path) and the order of the parts decide first. Where both could have it, the pattern so far does: the newer
// one stands whole inside the older, or the two alternate. When the pattern breaks, the parts that rest on it are
// doubtful.
class Braid {
 public:
  enum class Strand { older, newer, unknown, neither };
  // Doubts what turns out not to be known, in both reports.
  Strand strand_of(Report& older, Report& newer, const OomLine& line);

 private:
  Strand by_pattern(Report& older, Report& newer, Report::Claim of_older, Report::Claim of_newer);
  static Strand named(const Report& older, const Report& newer, Report::Claim of_older, Report::Claim of_newer);
  void give_up(Report& older, Report& newer);
  void see(Strand strand, Report& older, Report& newer);

  enum class Pattern { nested, alternating, none } pattern_ = Pattern::nested;
  Strand last_ = Strand::newer;
  ReportParts::Sections guessed_;  // what rests on the pattern
};

}  // namespace forensics

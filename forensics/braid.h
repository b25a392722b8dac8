#pragma once

#include <cstddef>

#include "forensics/report.h"

namespace forensics {

// Two reports of one log without caller ids: says whose a line is. The kernel prints one report after the other since
// 4.2 (mm/oom_kill.c oom_lock), so the older was cut, as long as no line shows that the two are mixed (of an older
// kernel, or the logs of several): one that follows in the older and not in the newer. From then on what a line names
// (a comm, a pid, a path) and the order of the parts decide first. Where both could have it, the pattern so far does:
// the newer one stands whole inside the older, or the two alternate. When the pattern breaks, the parts that rest on it
// are doubtful.
class Braid {
 public:
  enum class Strand { older, newer, unknown, neither };
  // Doubts what turns out not to be known, in both reports.
  Strand strand_of(Report& older, Report& newer, const OomLine& line);
  // Whether a line of the older came after the newer began.
  [[nodiscard]] bool is_mixed() const { return mixed_; }

 private:
  bool shows_mixing(Report::Claim of_older, Report::Claim of_newer, ReportParts::Section section);
  Strand by_pattern(Report& older, Report& newer, Report::Claim of_older, Report::Claim of_newer);
  static Strand named(const Report& older, const Report& newer, Report::Claim of_older, Report::Claim of_newer);
  void give_up(Report& older, Report& newer);
  void see(Strand strand, Report& older, Report& newer);

  enum class Pattern { nested, alternating, none } pattern_ = Pattern::nested;
  Strand last_ = Strand::newer;
  bool mixed_ = false;
  ReportParts::Sections guessed_;  // what rests on the pattern
};

}  // namespace forensics

#pragma once

#include <string>
#include <vector>

#include "forensics/document.h"

namespace forensics {

// The kernel's choice of a victim, recomputed from the task table (mm/oom_kill.c, oom_badness()).
struct Badness {
  std::vector<Ranked> ranking;          // all eligible tasks, highest first; points in pages (per mille before 3.5)
  std::vector<Ranked> exempt;           // those with oom_score_adj -1000, largest first; points as if it were 0
  Count total_pages;                    // what oom_score_adj is a share of; nothing when the log does not say
  std::string rule;                     // the formula in words
  bool per_mille = false;               // points are already in the unit of the printed score
  std::optional<Candidate> unadjusted;  // who ranks first when every oom_score_adj is 0
};

// What kernels up to 5.0 print as the score of a task with these points; nothing without the total.
std::optional<std::int64_t> printed_score(const Badness& badness, std::int64_t points);

// Nothing to rank: no table, a kernel before 2.6.36 (its score is not recomputable), or an oom_score_adj whose total is
// unknown. The era is chosen by what the report holds; the release decides only between formulas that print the same,
// and a printed score decides before the release.
std::optional<Badness> recompute_badness(const Incident& incident, const Run* run, std::uint64_t page_size_bytes);

// limit + swap of the memcg, RAM + swap, or the allowed nodes' pages + swap, in pages: nothing when the log does not
// state it.
Count total_pages(const Incident& incident, const Run* run, std::uint64_t page_size_bytes);

// The task table's row of that process: by pid, else by thread group.
const Task* find_task(const Incident& incident, std::int64_t pid);

}  // namespace forensics

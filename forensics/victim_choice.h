#pragma once

#include "forensics/badness.h"
#include "forensics/document.h"

namespace forensics {

// Why the kernel chose whom it killed: fills ranking, score, victim_rank, victim_explained, victim_reason, the margin,
// who would have been next, and who without oom_score_adj. badness is what recompute_badness() gave.
void explain_victim(Incident& incident, const std::optional<Badness>& badness);

}  // namespace forensics

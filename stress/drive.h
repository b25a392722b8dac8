#pragma once

#include <string_view>

#include "base/result.h"
#include "stress/pool.h"
#include "stress/workload.h"

namespace stress {

// Grows and shrinks the pool as the options of kGrowth say (stress/growth.h) until its profile is over, then holds. The
// levels are those of the counter: what is there before counts, and in the end the level is brought to within 1 % or a
// unit of the size by looking at the counter (without anyone to tell it: by the pool's own count). A pool that reclaim
// takes from as fast as it grows stops at four times the size; only with context.must_reach is that an error. Passing
// context.cap_bytes is an error: the limit that should have stopped us does not hold. A counter that the kernel does
// not have, or that does not follow what the pool adds, is an error of kind unsupported. SIGUSR1 pauses, SIGUSR2
// resumes (stress/pause.h). Notes what was reached, and how fast.
base::Result<> drive(const Context& context, Pool& pool, std::string_view counter);

// Waits as --hold says, and as pauses and resumes come.
void hold(double seconds);

}  // namespace stress

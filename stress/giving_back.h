#pragma once

#include <array>

#include "stress/workload.h"

namespace stress {

// The options of madv-free and madv-dontneed.
inline constexpr std::array kGivingBack{
    Parameter{"size", ParameterKind::size, "24M", "to fill and give back"},
    Parameter{"pressure", ParameterKind::size, "0", "then to fill besides, so that the limit is reached"},
    Parameter{"chunk", ParameterKind::size, "2M", "how much to fill in one step"},
    Parameter{"hold", ParameterKind::duration, "200ms", "between the steps"},
};

// Fills anonymous memory, gives it back by that advice (madvise(2)), then fills as much as --pressure says.
base::Result<> fill_and_give_back(const Context& context, int advice);

}  // namespace stress

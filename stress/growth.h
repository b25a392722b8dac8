#pragma once

#include <array>

#include "stress/parameters.h"

// The options that workloads which grow have in common.
namespace stress {

inline constexpr std::array kGrowth{
    Parameter{"size", ParameterKind::size, "", "how much, as memory.stat counts it; without it: until the kill"},
    Parameter{"rate", ParameterKind::rate, "",
              "growth per second (64M, 64M/s); without it: as fast as the kernel hands it out"},
    Parameter{"shape", ParameterKind::choice, "linear",
              "of the growth over time; ramp: the rate grows, leak: linear with noise",
              "linear|ramp|steps|sawtooth|burst|leak"},
    Parameter{"period", ParameterKind::duration, "1s", "of one step, tooth or burst, or until a ramp has its rate"},
    Parameter{"steps", ParameterKind::count, "4", "of --shape steps, up to --size"},
    Parameter{"repeat", ParameterKind::count, "3", "teeth or bursts; 0: for ever"},
    Parameter{"noise", ParameterKind::percent, "20", "of --shape leak, up to 50"},
    Parameter{"until-limit", ParameterKind::percent, "", "stop growing at that share of the limit"},
    Parameter{"until-psi", ParameterKind::percent, "",
              "stop growing when that share of the last seconds was stalled for memory (PSI some)"},
    Parameter{"hold", ParameterKind::hold, "0s", "how long to keep it in the end: a duration, or forever"},
    Parameter{"chunk", ParameterKind::size, "2M", "how much to add in one step"},
    Parameter{"seed", ParameterKind::count, "1", "of noise and contents; the same seed gives the same sequence"},
};

// Of pools whose bytes are ours to write.
inline constexpr std::array kContents{
    Parameter{"compressible", ParameterKind::percent, "100",
              "share of each page that compresses to nothing (zeros); the rest is noise"},
};

// Of pools of anonymous memory.
inline constexpr std::array kThreads{
    Parameter{"threads", ParameterKind::count, "1", "how many fill at once, 1 to 256"},
    Parameter{"node", ParameterKind::count, "", "memory of that NUMA node, as --policy says"},
    Parameter{"policy", ParameterKind::choice, "preferred", "towards --node (mbind(2))", "preferred|bind|interleave"},
    Parameter{"mergeable", ParameterKind::flag, "no", "offer the pages to KSM (madvise(2), MADV_MERGEABLE)"},
};

}  // namespace stress

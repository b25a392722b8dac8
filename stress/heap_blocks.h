#pragma once

#include <array>

#include "stress/workload.h"

namespace stress {

// The options of malloc-small and malloc-small-free. Blocks of 9,360 bytes, 9.1 KiB, are 12 KiB as mappings.
inline constexpr std::array kSmallBlocks{
    Parameter{"count", ParameterKind::count, "1010", "blocks, at most 65536"},
    Parameter{"block", ParameterKind::size, "9360", "bytes of each"},
    Parameter{
        "mmap-threshold", ParameterKind::size, "",
        "from that size on a block is a mapping of its own (mallopt M_MMAP_THRESHOLD; default: glibc's 128K, moving)"},
    Parameter{"hold", ParameterKind::duration, "100ms", "between the steps"},
};

enum class FreeFirst { none, four_of_five };

// Runs the experiment in a heap lab (stress/heap_lab.h).
base::Result<> run_small_blocks(const Context& context, FreeFirst first);

}  // namespace stress

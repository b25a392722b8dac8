#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "stress/workload.h"

// The fill engine: growth in chunks, paced by a rate, to a size or to the kill. What a chunk is, the workload says.
namespace stress {

// The options that every growing workload has: --size, --chunk, --rate, --hold.
std::span<const Parameter> fill_parameters();

// Adds one chunk of memory: offset (bytes filled so far) and length in bytes. An error ends the fill.
using AddChunk = std::function<base::Result<>(std::uint64_t offset, std::uint64_t length)>;

// Calls add() for chunk after chunk until --size is reached (for ever without it) at --rate bytes per second (as fast
// as it goes without it), then holds for --hold (for ever when it is "forever"). Passing context.cap_bytes is an error:
// the limit that should have stopped us does not hold.
base::Result<> fill(const Context& context, const AddChunk& add);

// Makes the kernel hand out every page of the range now, writable: MADV_POPULATE_WRITE (Linux 5.14, madvise(2)), else a
// write to each page.
base::Result<> populate(void* begin, std::uint64_t length);

}  // namespace stress

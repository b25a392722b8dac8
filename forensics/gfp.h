#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/document.h"

// The GFP mask of an allocation (include/linux/gfp_types.h): names are trusted when the kernel prints them (4.6+); a
// bare number is decoded with the table of its era, which the reclaim bits give away, because the bits moved
// in 4.4, 4.10, 4.18 and 5.1.
namespace forensics {

// From what a report prints. names is what stands between the parentheses, has_names whether there were any.
GfpMask read_gfp_mask(std::uint64_t value, std::string_view names, bool has_names);

}  // namespace forensics

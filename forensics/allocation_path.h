#pragma once

#include <span>
#include <string>
#include <string_view>

#include "forensics/document.h"

namespace forensics {

// What the task was doing when its allocation failed, told from the call trace: "anon_fault", "page_cache_read_fault",
// "slab", ...; nothing when no frame tells.
Text allocation_path(std::span<const std::string> call_trace, bool manual);

// The same in words, "a page fault on anonymous memory"; the name itself when it is not one of ours.
std::string_view allocation_path_words(std::string_view path);

}  // namespace forensics

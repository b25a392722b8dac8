#pragma once

#include <string_view>

namespace forensics {

// Whether the kernel's own lines around an OOM have the word: what names and chance texts hold is none of them. Numbers
// with and without unit, GFP flags and constraints are such words, too.
bool is_kernel_word(std::string_view word);

}  // namespace forensics

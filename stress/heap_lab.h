#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stress/workload.h"

// Experiments with malloc(3) in a process whose heap nobody has used: this program executed anew, which turns to the
// experiment before it allocates anything. So the figures are those of a small C program, whatever oomlab itself keeps
// on its heap. Who starts it counts the system calls by which the heap grows and shrinks.
namespace stress {

// What main() asks first, and does then.
bool is_heap_lab(std::span<char* const> arguments);
int heap_lab(std::span<char* const> arguments);

// Runs the experiment with its words, "count=1010", and notes what it says at each step, and the calls (brk, mmap,
// munmap, mremap) that led there.
base::Result<> run_heap_lab(const Context& context, std::string_view experiment, const std::vector<std::string>& words);

}  // namespace stress

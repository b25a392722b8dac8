#pragma once

#include "stress/heap_figures.h"
#include "stress/process_memory.h"

namespace stress {

// Notes what the heap holds by the allocator's word, and by the kernel's.
inline void note_heap(const Context& context, std::string_view step) {
  const auto heap = heap_figures();
  context.note(step, "arena", static_cast<double>(heap.arena), "bytes");
  context.note(step, "in use", static_cast<double>(heap.in_use), "bytes");
  context.note(step, "free", static_cast<double>(heap.free), "bytes");
  note_memory(context, step, {"Anonymous"});
}

}  // namespace stress

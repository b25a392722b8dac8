#pragma once

#include <malloc.h>

#include <cstddef>

namespace stress {

// What the C library says of its heap, mallinfo2(3) in its own words.
struct HeapFigures {
  std::size_t arena;          // bytes that it has from brk(2), and of further arenas
  std::size_t in_use;         // of those, by chunks that are handed out
  std::size_t free;           // of those, by chunks that are not
  std::size_t free_chunks;    // how many, the one at the top included
  std::size_t mapped_chunks;  // chunks with a mapping each
  std::size_t mapped;         // their bytes
  std::size_t top;            // of the free ones, what trim could give back
};

inline HeapFigures heap_figures() {
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 33)
  const auto info = ::mallinfo2();
#else
  const auto info = ::mallinfo();
#endif
  return {.arena = static_cast<std::size_t>(info.arena),
          .in_use = static_cast<std::size_t>(info.uordblks),
          .free = static_cast<std::size_t>(info.fordblks),
          .free_chunks = static_cast<std::size_t>(info.ordblks),
          .mapped_chunks = static_cast<std::size_t>(info.hblks),
          .mapped = static_cast<std::size_t>(info.hblkhd),
          .top = static_cast<std::size_t>(info.keepcost)};
}

}  // namespace stress

// Many blocks below the threshold of a mapping each come from the heap, which grows by brk(2) and, freed in order,
// falls back.
#include "stress/heap_blocks.h"

namespace stress::workloads {
namespace {

base::Result<> run_malloc_small(Context& context) {
  return run_small_blocks(context, FreeFirst::none);
}

}  // namespace

extern const Workload malloc_small;
constinit const Workload malloc_small{
    .summary = "allocates many small blocks and frees them all in order",
    .group = Group::process,
    .counter = "anon",
    .seen =
        "the heap grows from 132 KiB to 9.1 MiB and falls back: arena 135,168, 9,551,872, 135,168; no mapped chunks; "
        "with --mmap-threshold 8192 each block is a mapping of 12 KiB, by one mmap and one munmap",
    .needs = "glibc (mallinfo2); seccomp filters, to count the calls",
    .source = "mallopt(3), mallinfo(3), brk(2); figures of glibc 2.36",
    .example = "oomlab stress malloc-small --memory-max 64M --mmap-threshold 8192",
    .parameters = kSmallBlocks,
    .run = run_malloc_small,
};

}  // namespace stress::workloads

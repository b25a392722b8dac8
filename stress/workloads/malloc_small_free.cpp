// Four of every five blocks freed are no memory given back: the fifth pins its surroundings, and the heap's end.
#include "stress/heap_blocks.h"

namespace stress::workloads {
namespace {

base::Result<> run_malloc_small_free(Context& context) {
  return run_small_blocks(context, FreeFirst::four_of_five);
}

}  // namespace

extern const Workload malloc_small_free;
constinit const Workload malloc_small_free{
    .summary = "allocates many small blocks and frees four of every five first: retention by fragmentation",
    .group = Group::process,
    .counter = "anon",
    .seen =
        "after the first free 1.9 MB are in use and 7.6 MB free in about 205 chunks, arena and RSS as before; with "
        "--mmap-threshold 8192 202 chunks are left and RSS falls at once",
    .needs = "glibc (mallinfo2); seccomp filters, to count the calls",
    .source = "mallopt(3), mallinfo(3), brk(2); figures of glibc 2.36",
    .example = "oomlab stress malloc-small-free --memory-max 64M",
    .parameters = kSmallBlocks,
    .run = run_malloc_small_free,
};

}  // namespace stress::workloads

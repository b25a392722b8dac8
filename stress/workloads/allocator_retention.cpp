// The heap that stays after everything was freed. glibc gives the end of its heap back above a threshold; freeing one
// large mapped block raises that threshold to twice the block's size.
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "stress/drive.h"
#include "stress/heap_notes.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "32M", "of the spike, below 60M"},
    Parameter{"block", ParameterKind::size, "2000", "bytes of one allocation of it"},
    Parameter{"hold", ParameterKind::duration, "300ms", "idle, after everything was freed, and again after the trim"},
};

base::Result<> run_allocator_retention(Context& context) {
  const auto block = std::max<std::uint64_t>(context.parameters.size("block"), 16);
  const double idle = context.parameters.seconds("hold");
  // What many programs have done before they serve anybody: one large buffer, freed. The threshold is 62 MiB then.
  void* volatile buffer = std::malloc(31U << 20);  // volatile: the pair would be optimised away
  std::free(buffer);
  note_heap(context, "start");
  std::vector<void*> blocks(context.parameters.size("size") / block);
  for (auto& one : blocks) {
    one = std::malloc(block);
    if (one == nullptr) {
      return base::system_error("malloc");
    }
    std::memset(one, 1, block);
  }
  note_heap(context, "spike");
  for (void* one : blocks) {
    std::free(one);
  }
  note_heap(context, "all freed");
  hold(idle);
  note_heap(context, "idle");
  (void)::malloc_trim(0);  // whether it had something to give back shows in the figures
  note_heap(context, "trimmed");
  hold(idle);
  return {};
}

}  // namespace

extern const Workload allocator_retention;
constinit const Workload allocator_retention{
    .summary = "a spike of small blocks, all freed, and the memory stays with the allocator",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "anon stays when everything is freed, with next to nothing in use; malloc_trim(3) gives it back",
    .needs = "glibc (mallinfo2)",
    .source = "mallopt(3), M_TRIM_THRESHOLD and the dynamic threshold",
    .example = "oomlab stress allocator-retention --memory-max 128M",
    .parameters = kParameters,
    .run = run_allocator_retention,
};

}  // namespace stress::workloads

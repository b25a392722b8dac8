// One block that lives, at the end of the heap or in each page of it, and everything below it freed.
#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "stress/drive.h"
#include "stress/heap_notes.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "32M", "of the heap"},
    Parameter{"block", ParameterKind::size, "1000", "bytes of one allocation"},
    Parameter{"pin", ParameterKind::choice, "pages", "what lives: one block in each page, or only the last of all",
              "pages|top"},
    Parameter{"hold", ParameterKind::duration, "300ms", "after everything else was freed, and again after the trim"},
};

base::Result<> run_heap_pin(Context& context) {
  const auto block = std::max<std::uint64_t>(context.parameters.size("block"), 16);
  const bool every_page = context.parameters.text("pin") == "pages";
  const double idle = context.parameters.seconds("hold");
  note_heap(context, "start");
  std::vector<void*> blocks(context.parameters.size("size") / block);
  for (auto& one : blocks) {
    one = std::malloc(block);
    if (one == nullptr) {
      return base::system_error("malloc");
    }
    std::memset(one, 1, block);
  }
  note_heap(context, "allocated");
  // The last one lives in any case; of the others, the first that begins in a page.
  std::uintptr_t last_page = 0;
  for (std::size_t i = 0; i + 1 < blocks.size(); ++i) {
    const auto page = reinterpret_cast<std::uintptr_t>(blocks[i]) / 4096;
    if (!every_page || page == std::exchange(last_page, page)) {
      std::free(blocks[i]);
    }
  }
  note_heap(context, "freed below");
  hold(idle);
  (void)::malloc_trim(0);  // what it does shows in the figures
  note_heap(context, "trimmed");
  hold(idle);
  return {};  // what lives ends with us
}

}  // namespace

extern const Workload heap_pin;
constinit const Workload heap_pin{
    .summary = "a large heap that few live blocks keep from going back",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen =
        "anon stays with little in use; a block in each page defeats malloc_trim(3), one at the top only the automatic "
        "trim (glibc gives whole pages in between back since 2.8, not the heap's extent)",
    .needs = "glibc (mallinfo2)",
    .source = "malloc_trim(3), notes; fragmentation of long-running services",
    .example = "oomlab stress heap-pin --memory-max 128M --pin top",
    .parameters = kParameters,
    .run = run_heap_pin,
};

}  // namespace stress::workloads

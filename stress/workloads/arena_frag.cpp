// An arena for each thread, 64 MiB of address space each; what threads free stays in theirs.
#include <malloc.h>

#include <barrier>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/scanner.h"
#include "stress/drive.h"
#include "stress/heap_notes.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"threads", ParameterKind::count, "8", "that allocate, 1 to 64"},
    Parameter{"each", ParameterKind::size, "4M", "allocated by each thread"},
    Parameter{"keep", ParameterKind::percent, "5", "of its blocks that each thread keeps"},
    Parameter{"arena-max", ParameterKind::count, "0", "arenas at most (MALLOC_ARENA_MAX); 0: as glibc has it"},
    Parameter{"hold", ParameterKind::duration, "300ms", "when most is freed"},
};

// A heap of an arena is 64 MiB at a multiple of that: a part that is in use, and one without rights behind it.
std::uint64_t count_arenas() {
  constexpr std::uint64_t kReserved = 64ULL << 20;
  const auto maps = base::read_all("/proc/self/maps");
  base::Scanner in(maps ? std::string_view(*maps) : std::string_view());
  std::uint64_t count = 0, heap = 0, in_use_until = 0;
  while (const auto line = in.until("\n")) {
    base::Scanner fields(*line);
    const auto first = fields.number<std::uint64_t>(16).value_or(0);
    const auto last = fields.literal("-") ? fields.number<std::uint64_t>(16).value_or(0) : 0;
    if (fields.literal(" ---p") && first == in_use_until && last == heap + kReserved) {
      ++count;
    }
    heap = first % kReserved == 0 ? first : 0;
    in_use_until = last;
  }
  return count;
}

void note(const Context& context, std::string_view step) {
  note_heap(context, step);
  note_memory(context, step, {"VmSize"});
  context.note(step, "arenas of threads", static_cast<double>(count_arenas()), "");
}

base::Result<> run_arena_frag(Context& context) {
  constexpr std::size_t kBlock = 1000;
  const auto& parameters = context.parameters;
  const auto count = std::clamp<std::uint64_t>(parameters.count("threads"), 1, 64);
  if (const auto most = parameters.count("arena-max"); most != 0) {
    (void)::mallopt(M_ARENA_MAX, static_cast<int>(std::min<std::uint64_t>(most, 1 << 16)));
  }
  note(context, "start");
  const auto blocks = parameters.size("each") / kBlock;
  const auto keep = parameters.count("keep");
  std::barrier<> phase(static_cast<std::ptrdiff_t>(count) + 1);
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < count; ++t) {
    threads.emplace_back([&] {
      std::vector<void*> ours(blocks);
      for (auto& block : ours) {
        block = std::malloc(kBlock);
        if (block != nullptr) {
          std::memset(block, 1, kBlock);
        }
      }
      phase.arrive_and_wait();  // all have allocated
      phase.arrive_and_wait();  // and that was noted
      for (std::size_t i = 0; i < ours.size(); ++i) {
        if (i % 100 >= keep) {
          std::free(ours[i]);
        }
      }
      phase.arrive_and_wait();  // all have freed
      phase.arrive_and_wait();  // and that was held
    });
  }
  phase.arrive_and_wait();
  note(context, "allocated");
  phase.arrive_and_wait();
  phase.arrive_and_wait();
  note(context, "most freed");
  hold(parameters.seconds("hold"));
  phase.arrive_and_wait();
  for (auto& thread : threads) {
    thread.join();
  }
  return {};
}

}  // namespace

extern const Workload arena_frag;
constinit const Workload arena_frag{
    .summary = "threads that allocate and free most of it, each in an arena of its own",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen =
        "an arena of 64 MiB of address space for each thread, anon spread over them and kept; with --arena-max 2 fewer",
    .needs = "glibc (mallinfo2)",
    .source = "mallopt(3), M_ARENA_MAX; Hadoop's and Presto's MALLOC_ARENA_MAX=4",
    .example = "oomlab stress arena-frag --memory-max 128M --arena-max 2",
    .parameters = kParameters,
    .run = run_arena_frag,
};

}  // namespace stress::workloads

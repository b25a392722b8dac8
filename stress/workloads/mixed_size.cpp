// The threshold of a mapping each moves: freeing a mapped block raises it to that size.
#include <fmt/format.h>

#include "stress/heap_lab.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"rounds", ParameterKind::count, "4", "of a large, a small and a large block, then all freed"},
    Parameter{"small", ParameterKind::size, "4K", "of the block between"},
    Parameter{"large", ParameterKind::size, "1M", "of the others; above 128K, at most 32M"},
};

base::Result<> run_mixed_size(Context& context) {
  const auto& parameters = context.parameters;
  return run_heap_lab(
      context, "moving-threshold",
      {fmt::format("rounds={}", parameters.count("rounds")), fmt::format("small={}", parameters.size("small")),
       fmt::format("large={}", parameters.size("large"))});
}

}  // namespace

extern const Workload mixed_size;
constinit const Workload mixed_size{
    .summary = "alternates large and small blocks: what was mapped at first comes from the heap later",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "in round 1 two mapped chunks, from round 2 on none: the same sizes come by brk, and stay in the heap",
    .needs = "glibc; seccomp filters, to count the calls",
    .source = "mallopt(3), M_MMAP_THRESHOLD: the dynamic threshold of glibc",
    .example = "oomlab stress mixed-size --memory-max 64M",
    .parameters = kParameters,
    .run = run_mixed_size,
};

}  // namespace stress::workloads

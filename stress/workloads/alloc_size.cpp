// Two sizes on both sides of the threshold from which on a block is a mapping of its own.
#include <fmt/format.h>

#include "stress/heap_lab.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"count", ParameterKind::count, "64", "blocks of each size, at most 65536"},
    Parameter{"small", ParameterKind::size, "32K", "below the threshold of 128K"},
    Parameter{"large", ParameterKind::size, "256K", "above it"},
};

base::Result<> run_alloc_size(Context& context) {
  const auto& parameters = context.parameters;
  return run_heap_lab(
      context, "two-sizes",
      {fmt::format("count={}", parameters.count("count")), fmt::format("small={}", parameters.size("small")),
       fmt::format("large={}", parameters.size("large"))});
}

}  // namespace

extern const Workload alloc_size;
constinit const Workload alloc_size{
    .summary = "allocates blocks below and above malloc's mmap threshold and counts the system calls",
    .group = Group::process,
    .counter = "anon",
    .seen = "several small blocks share one brk call; each large one is an mmap, each free of it a munmap",
    .needs = "glibc; seccomp filters, to count the calls",
    .source = "mallopt(3), M_MMAP_THRESHOLD",
    .example = "oomlab stress alloc-size --memory-max 64M",
    .parameters = kParameters,
    .run = run_alloc_size,
};

}  // namespace stress::workloads

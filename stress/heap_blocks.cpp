#include "stress/heap_blocks.h"

#include <fmt/format.h>

#include "stress/heap_lab.h"

namespace stress {
namespace {

// What is free at the end of the heap of a C program that has allocated its stream buffers and little else.
constexpr std::size_t kFreshTop = 131'392;
constexpr std::size_t kNoTop = 4096;  // room for nothing: a block comes from there first, mapping or not

}  // namespace

base::Result<> run_small_blocks(const Context& context, FreeFirst first) {
  const auto& parameters = context.parameters;
  const bool all_mapped =
      parameters.has("mmap-threshold") && parameters.size("mmap-threshold") <= parameters.size("block");
  return run_heap_lab(
      context, "small-blocks",
      {fmt::format("count={}", parameters.count("count")), fmt::format("size={}", parameters.size("block")),
       fmt::format("mmap-threshold={}", parameters.size("mmap-threshold")),
       fmt::format("hold-ms={:.0f}", parameters.seconds("hold") * 1000),
       fmt::format("top={}", all_mapped ? kNoTop : kFreshTop),
       fmt::format("partial={}", first == FreeFirst::four_of_five ? 1 : 0)});
}

}  // namespace stress

// A buffer that doubles: old and new are there together while one is copied to the other.
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "base/bytes.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "16M", "stop at a buffer of that size"},
    Parameter{"first", ParameterKind::size, "256K", "the first buffer"},
};

base::Result<> run_string_doubling(Context& context) {
  const auto most = context.parameters.size("size");
  std::uint64_t size = std::max<std::uint64_t>(context.parameters.size("first"), 1);
  auto* text = static_cast<char*>(std::malloc(size));
  if (text != nullptr) {
    std::memset(text, 'a', size);
  }
  while (text != nullptr && size < most) {
    auto* grown = static_cast<char*>(std::malloc(2 * size));
    if (grown == nullptr) {
      std::free(text);
      text = nullptr;
      break;
    }
    std::memcpy(grown, text, size);
    std::memset(grown + size, 'b', size);
    const auto step = base::human_size(2 * size);
    context.note(step, "old + new", static_cast<double>(3 * size), "bytes");
    note_memory(context, step, {"Anonymous"});
    std::free(text);
    text = grown;
    size *= 2;
    context.note(step, "Anonymous then", static_cast<double>(rollup_bytes("Anonymous").value_or(0)), "bytes");
  }
  if (text == nullptr) {
    return base::system_error("malloc");
  }
  std::free(text);
  return {};
}

}  // namespace

extern const Workload string_doubling;
constinit const Workload string_doubling{
    .summary = "grows a buffer by doubling copies, as interpreters concatenate strings",
    .group = Group::process,
    .counter = "anon",
    .seen = "geometric growth; the peak of each step is old + new, 1.5 times what is kept",
    .source = "realloc patterns of string builders and vectors",
    .example = "oomlab stress string-doubling --memory-max 64M --size 32M",
    .parameters = kParameters,
    .run = run_string_doubling,
};

}  // namespace stress::workloads

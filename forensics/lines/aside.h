#pragma once

#include <optional>
#include <string_view>

// Known lines that stand around and inside OOM reports and belong to none.
namespace forensics::lines {

// "sysrq: Show Memory": a Mem-Info block that is no report follows.
struct ShowMemory {};
// What OOM notifiers, slab allocators and the page-fault path say when memory is short.
struct Aside {};

std::optional<ShowMemory> parse_show_memory(std::string_view message);
std::optional<Aside> parse_aside(std::string_view message);

}  // namespace forensics::lines

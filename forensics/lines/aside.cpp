#include "forensics/lines/aside.h"

#include <algorithm>
#include <array>

#include "forensics/text.h"

namespace forensics::lines {

std::optional<ShowMemory> parse_show_memory(std::string_view message) {
  const auto text = trim(message);
  const bool key = text.starts_with("sysrq: ") || text.starts_with("SysRq : ");
  return key && (text.ends_with(": Show Memory") || text.ends_with(": Show memory")) ? std::optional(ShowMemory{})
                                                                                     : std::nullopt;
}

std::optional<Aside> parse_aside(std::string_view message) {
  constexpr std::array kStarts = {
      std::string_view("Purging GPU memory, "),
      std::string_view("Huh VM_FAULT_OOM leaked out to the #PF handler"),
      std::string_view("SLUB: Unable to allocate memory on node"),
      std::string_view("SLAB: Unable to allocate memory on node"),
      std::string_view("OOM killer disabled."),
      std::string_view("OOM killer enabled."),
      std::string_view("OOM killer in rage, "),
      std::string_view("Memory cgroup charge failed because of no reclaimable memory!"),
      std::string_view("No memory allocation info available"),
  };
  const auto text = trim_left(message);
  return std::ranges::any_of(kStarts, [&](std::string_view start) { return begins_with(text, start); })
             ? std::optional(Aside{})
             : std::nullopt;
}

}  // namespace forensics::lines

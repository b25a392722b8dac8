#include "vm/console.h"

#include <algorithm>
#include <deque>

#include "base/escape.h"

namespace vm {

// Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled     (mm/oom_kill.c,
// check_panic_on_oom) Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled Kernel panic - not
// syncing: System is deadlocked on memory                         (out_of_memory)
GuestFate read_console(std::string_view text) {
  constexpr std::string_view kPanic = "Kernel panic - not syncing: ";
  if (const auto at = text.find(kPanic); at != std::string_view::npos) {
    const auto cause = text.substr(at + kPanic.size());
    return cause.starts_with("Out of memory") || cause.starts_with("System is deadlocked on memory")
               ? GuestFate::panicked_on_memory
               : GuestFate::crashed;
  }
  constexpr std::string_view kCrashes[] = {"] Oops: ", "] BUG: ", "] kernel BUG at ", "] general protection fault, "};
  const bool crashed =
      std::ranges::any_of(kCrashes, [&](auto words) { return text.find(words) != std::string_view::npos; });
  return crashed ? GuestFate::crashed : GuestFate::well;
}

// [    0.000000] Linux version 6.1.0-56-cloud-amd64 (...        the log's first record, which is on the console a
// second time only after a panic
std::string_view without_repetition(std::string_view text) {
  const auto panic = text.find("Kernel panic - not syncing: ");
  const auto first_record = panic == std::string_view::npos ? panic : text.find("[    0.000000] Linux version ", panic);
  if (first_record == std::string_view::npos) {
    return text;
  }
  const auto before = text.substr(0, first_record);
  return before.find("invoked oom-killer: ") != std::string_view::npos ? before : text.substr(first_record);
}

std::string last_lines(std::string_view text, std::size_t count) {
  std::deque<std::string_view> lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    if (line.empty()) {
      continue;
    }
    lines.push_back(line);
    if (lines.size() > count) {
      lines.pop_front();
    }
  }
  std::string out;
  for (const auto line : lines) {
    out += (out.empty() ? "" : "\n") + base::escape_terminal(line);
  }
  return out;
}

}  // namespace vm

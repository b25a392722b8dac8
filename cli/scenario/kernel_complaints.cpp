#include "cli/scenario/kernel_complaints.h"

#include <algorithm>
#include <array>

#include "base/escape.h"
#include "base/scanner.h"

namespace cli::scenario {
namespace {

constexpr std::size_t kMost = 20;

// lib/bug.c, kernel/panic.c, arch/x86/kernel/dumpstack.c, mm/slub.c, kernel/locking/lockdep.c
constexpr std::array<std::string_view, 9> kBegins = {
    "BUG:", "WARNING:",       "kernel BUG at",      "Oops:", "general protection fault", "double fault",
    "BUG ", "INFO: possible", "list_add corruption"};

}  // namespace

// "4,1234,5678901,-;WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:1234 ..."
std::vector<std::string> complaints_in(std::string_view kmsg) {
  std::vector<std::string> found;
  base::Scanner in(kmsg);
  while (found.size() < kMost) {
    const auto line = in.until("\n");
    if (!line) {
      break;
    }
    const auto text = line->find(';') == std::string_view::npos ? *line : line->substr(line->find(';') + 1);
    if (std::ranges::any_of(kBegins, [text](auto begin) { return text.starts_with(begin); })) {
      found.push_back(base::unescape_kmsg(text));
    }
  }
  return found;
}

}  // namespace cli::scenario

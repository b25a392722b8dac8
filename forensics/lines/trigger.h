#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// The lines that open a report: mm/oom_kill.c dump_header(), mm/page_alloc.c warn_alloc(), drivers/tty/sysrq.c.
// All views in these structs borrow from the message.
namespace forensics::lines {

// What both kinds of report say about the allocation that failed.
struct Allocation {
  std::string_view comm;  // of the task that allocated
  Count gfp_value;
  std::string_view gfp_names;  // between the parentheses, as printed
  bool gfp_has_names = false;
  std::optional<std::int64_t> order, oom_score_adj, oom_adj;
  std::optional<std::string_view> nodemask;
};

// "X invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0", keys in any order.
struct Trigger : Allocation {};
// "X: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), nodemask=(null),cpuset=/,mems_allowed=0",
// "X: page allocation stalls for 10ms, ..."
struct AllocationFailure : Allocation {
  bool stall = false;
};
// "sysrq: Manual OOM execution"; ignored: "sysrq: OOM request ignored. No task eligible".
struct ManualOom {
  bool ignored = false;
};
// "oom_kill_process: 132 callbacks suppressed" (headers that were rate-limited away), "warn_alloc: 59 callbacks
// suppressed".
struct Suppressed {
  std::uint64_t count = 0;
  bool of_oom = false;
};
// "Linux version 6.1.0-...": another boot begins.
struct Boot {
  std::string_view release;
};

std::optional<Trigger> parse_trigger(std::string_view message);
std::optional<AllocationFailure> parse_allocation_failure(std::string_view message);
std::optional<ManualOom> parse_manual_oom(std::string_view message);
std::optional<Suppressed> parse_suppressed(std::string_view message);
std::optional<Boot> parse_boot(std::string_view message);

}  // namespace forensics::lines

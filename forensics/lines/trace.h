#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// Who was running, and the stack: lib/dump_stack.c dump_stack_print_info() and each architecture's stack printer.
namespace forensics::lines {

// "CPU: 3 UID: 1000 PID: 4242 Comm: python3 Not tainted 6.12.9 #1", "Pid: 23212, comm: php-fpm Not tainted 2.6.32 #1".
struct Identity {
  std::optional<std::int64_t> cpu, uid, pid;
  std::string_view comm, release;
  std::optional<std::string_view> tainted;  // the letters, trimmed; nothing for "Not tainted"
};
// "Hardware name: HP ProLiant".
struct Hardware {
  std::string_view text;
};
// "python3 cpuset=/ mems_allowed=0" (until 4.20).
struct CpusetLine {
  std::string_view comm, cpuset, mems_allowed;
};
// "Call Trace:", " <TASK>", "Backtrace:".
struct TraceStart {
  bool task = false;  // "<TASK>"
};
// A frame of the stack of any architecture; unreliable ones are marked '?' by the kernel.
struct Frame {
  std::string_view symbol;  // without offset
  bool reliable = true;
};
// Registers, code bytes, raw stack words, "Workqueue:", taint legends, module lists: known, kept out of the document.
struct TraceDetail {
  bool moom = false;  // "Workqueue: events moom_callback"
  bool ends = false;  // "</TASK>"
};

std::optional<Identity> parse_identity(std::string_view message);
std::optional<Hardware> parse_hardware(std::string_view message);
std::optional<CpusetLine> parse_cpuset_line(std::string_view message);
std::optional<TraceStart> parse_trace_start(std::string_view message);
std::optional<Frame> parse_frame(std::string_view message);
std::optional<TraceDetail> parse_trace_detail(std::string_view message);

}  // namespace forensics::lines

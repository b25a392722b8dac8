#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "stress/workload.h"

// What the kernel says of a process's own memory. Reading allocates nothing, so a workload may watch its own heap.
namespace stress {

// One line of /proc/PID/status in bytes, "VmRSS", "RssAnon", "VmData", ...; pid 0 is this process.
std::optional<std::uint64_t> status_bytes(std::string_view key, pid_t pid = 0);

// One line of /proc/PID/smaps_rollup in bytes, "Rss", "Pss", "Anonymous", "LazyFree", "Swap".
std::optional<std::uint64_t> rollup_bytes(std::string_view key, pid_t pid = 0);

// The size of this process's heap mapping, what brk(2) has made; allocates nothing.
std::uint64_t heap_mapping_bytes();

// Where the program break of a process is: the end of its heap, or, without one, where that would begin.
std::optional<std::uint64_t> program_break(pid_t pid);

// Notes lines of status (and, for those that are only there, of smaps_rollup) under their kernel names.
void note_memory(const Context& context, std::string_view step, std::initializer_list<std::string_view> keys,
                 pid_t pid = 0);

// Notes counters of memory.stat, as far as somebody tells them.
void note_counters(const Context& context, std::string_view step, std::initializer_list<std::string_view> names);

}  // namespace stress

#pragma once

#include <string_view>
#include <vector>

#include "forensics/document.h"

namespace forensics {

// What filled the limit (a memcg's usage) or the RAM (global): parts that do not overlap, largest first, with the rest
// as `unaccounted` last. They sum to the usage exactly; where the kernel's counters overshoot it (per-CPU batches,
// flushing), the largest part is trimmed. Empty when the log holds no counters.
std::vector<Part> compose(const Incident& incident, std::uint64_t page_size_bytes);

// The same from the counters of a memory.stat (names of cgroup v2) and a usage. kernel_bytes: all kernel memory, where
// it is known and the counters have no `kernel` (a v1 host of 5.3 to 5.17 prints v2 names and a kmem line).
std::vector<Part> compose_v2(const cgroup::Counters& memory_stat, Count usage_bytes, Count kernel_bytes = std::nullopt);

// Memory locked by mlock(2) on the whole machine: the zones' `mlocked`; nothing where no line has it.
Count mlocked_bytes(const MemoryInfo& info);
// What is unevictable beyond that, of a ramfs, locked by shmctl(2), or a driver's: zone by zone, so that a lost line
// makes it smaller and never larger.
std::uint64_t pinned_bytes(const MemoryInfo& info);

// By how much the kernel's counters may be off: each CPU keeps back up to 64 charged pages of a memory cgroup (32 until
// 5.15, MEMCG_CHARGE_BATCH) and up to 125 pages of each counter of a zone. The log tells one CPU's number, which says
// how many there are at least. Nothing where there is no breakdown.
Count composition_error_bytes(const Incident& incident, std::uint64_t page_size_bytes);

// The largest part that is in use: not free, not reserved.
std::optional<Dominant> dominant_part(const std::vector<Part>& parts);

// What of the anonymous and shared memory no listed task holds; nothing without a table, counters, or anything worth
// naming.
std::optional<Unlisted> unlisted_memory(const Incident& incident);

// A part in words: "anonymous memory" for "anon".
std::string_view part_words(std::string_view part);
// Of all that have words of their own.
std::vector<std::string> part_names();

// The part of that name, or nullptr.
const Part* find_part(const std::vector<Part>& parts, std::string_view name);

// Whole per cent of a share, for sentences: 0.777 -> 78.
int percent(double share);

}  // namespace forensics

#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// The "Mem-Info:" block: lib/show_mem.c (mm/page_alloc.c before 6.3) show_free_areas() and show_mem(). It is printed
// for OOM kills, for allocation failures and on sysrq-m.
namespace forensics::lines {

// "Mem-Info:" ("Mem-info:" before 2.6.36).
struct MemInfoStart {};
// "active_anon:99244 inactive_anon:243 isolated_anon:0" and the lines that follow it, in pages.
struct PageCounters {
  cgroup::Counters counters;
};
// "Node 0 active_anon:134528kB ..." (4.8+).
struct NodeLine {
  MemoryNode node;
};
// "Node 0 DMA free:15744kB min:28kB ...", without "Node 0 " on a kernel without NUMA.
struct ZoneLine {
  MemoryZone zone;
};
// "lowmem_reserve[]: 0 3211 32248": of the zone line before it.
struct LowmemReserve {
  std::vector<std::uint64_t> pages;
};
// "Node 0 DMA: 1*4kB (U) 0*8kB ... = 15892kB".
struct BuddyLine {
  MemoryZone zone;  // node, name, buddy, buddy_total_bytes
};
// "Node 0 hugepages_total=0 hugepages_free=0 hugepages_surp=0 hugepages_size=2048kB".
struct HugepageLine {
  HugepagePool pool;
};
// "524158 pages RAM", "94990 total pagecache pages", "Free swap  = 0kB".
struct MemoryTotal {
  Count MemoryInfo::* field = nullptr;  // nothing to keep when null
  std::uint64_t value = 0;
};
// "Unreclaimable slab info:", its column line, and "Memory allocations:".
struct SlabStart {};
struct AllocationsStart {};
// "kmalloc-64      1024KB    2048KB": only after a SlabStart.
struct SlabRow {
  SlabCache cache;
};
// "    38.4 MiB     1234 mm/slub.c:1234 func:alloc_slab_page": only after an AllocationsStart.
struct AllocationRow {
  AllocationSite site;
};
// Known and not kept: per-cpu rows, swap cache statistics, cma details.
struct MemInfoDetail {};

std::optional<MemInfoStart> parse_mem_info_start(std::string_view message);
std::optional<PageCounters> parse_page_counters(std::string_view message);
std::optional<NodeLine> parse_node_line(std::string_view message);
std::optional<ZoneLine> parse_zone_line(std::string_view message);
std::optional<LowmemReserve> parse_lowmem_reserve(std::string_view message);
std::optional<BuddyLine> parse_buddy_line(std::string_view message);
std::optional<HugepageLine> parse_hugepage_line(std::string_view message);
std::optional<MemoryTotal> parse_memory_total(std::string_view message);
std::optional<SlabStart> parse_slab_start(std::string_view message);
std::optional<AllocationsStart> parse_allocations_start(std::string_view message);
std::optional<SlabRow> parse_slab_row(std::string_view message);
std::optional<AllocationRow> parse_allocation_row(std::string_view message);
std::optional<MemInfoDetail> parse_mem_info_detail(std::string_view message);

}  // namespace forensics::lines

#include "forensics/lines/meminfo.h"

#include <algorithm>
#include <array>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

// "Node 0 ": nothing on a kernel without NUMA.
std::optional<std::int64_t> read_node(std::string_view& text) {
  base::Scanner in(text);
  if (!in.literal("Node ")) {
    return std::nullopt;
  }
  const auto node = in.number<std::int64_t>();
  if (!node || !in.literal(" ")) {
    return std::nullopt;
  }
  text = in.rest();
  return node;
}

// The zone names of enum zone_type.
bool is_zone_name(std::string_view name) {
  constexpr std::array kNames = {std::string_view("DMA"),     std::string_view("DMA32"),   std::string_view("Normal"),
                                 std::string_view("HighMem"), std::string_view("Movable"), std::string_view("Device")};
  return std::ranges::find(kNames, name) != kNames.end();
}

std::optional<BuddyCount> read_buddy_item(base::Scanner& in) {
  const auto free = in.number<std::uint64_t>();
  if (!free || !in.literal("*")) {
    return std::nullopt;
  }
  const auto size = in.number<std::uint64_t>();
  if (!size || !in.literal("kB")) {
    return std::nullopt;
  }
  BuddyCount count{.size_bytes = saturated(*size, 1024), .free = *free, .types = {}};
  in.skip_blanks();
  if (in.literal("(")) {
    const auto types = in.until(")");
    if (!types) {
      return std::nullopt;
    }
    count.types = *types;
    in.skip_blanks();
  }
  return count;
}

}  // namespace

std::optional<MemInfoStart> parse_mem_info_start(std::string_view message) {
  message = trim(message);
  return message == "Mem-Info:" || message == "Mem-info:" ? std::optional(MemInfoStart{}) : std::nullopt;
}

std::optional<PageCounters> parse_page_counters(std::string_view message) {
  message = trim_left(message);
  constexpr std::array kFirst = {std::string_view("active_anon:"),    std::string_view("active_file:"),
                                 std::string_view("unevictable:"),    std::string_view("slab_reclaimable:"),
                                 std::string_view("mapped:"),         std::string_view("free:"),
                                 std::string_view("sec_pagetables:"), std::string_view("kernel_misc_reclaimable:"),
                                 std::string_view("free_cma:"),       std::string_view("Active:"),
                                 std::string_view("Active_anon:"),    std::string_view("inactive_file:")};
  if (std::ranges::none_of(kFirst, [&](std::string_view first) { return message.starts_with(first); })) {
    return std::nullopt;
  }
  const auto value = message.substr(message.find(':') + 1);
  const auto unit = value.substr(std::min(value.find_first_not_of("0123456789"), value.size()));
  auto pairs = read_pairs(message);
  if (pairs.counters.empty() || unit.starts_with("KB")) {  // the rest of a memory cgroup's counters
    return std::nullopt;
  }
  return PageCounters{.counters = std::move(pairs.counters)};
}

std::optional<NodeLine> parse_node_line(std::string_view message) {
  auto text = trim_left(message);
  const auto node = read_node(text);
  if (!node || !text.starts_with("active_anon:")) {
    return std::nullopt;
  }
  auto pairs = read_pairs(text);
  return NodeLine{{.node = *node, .counters = std::move(pairs.counters), .all_unreclaimable = pairs.all_unreclaimable}};
}

std::optional<ZoneLine> parse_zone_line(std::string_view message) {
  auto text = trim_left(message);
  const auto node = read_node(text);
  const auto blank = text.find(' ');
  if (blank == std::string_view::npos || !text.substr(blank + 1).starts_with("free:")) {
    return std::nullopt;
  }
  const auto name = text.substr(0, blank);
  if (!is_zone_name(name)) {
    return std::nullopt;
  }
  auto pairs = read_pairs(text.substr(blank + 1));
  MemoryZone zone;
  zone.node = node;
  zone.name = name;
  zone.counters = std::move(pairs.counters);
  zone.all_unreclaimable = pairs.all_unreclaimable;
  return ZoneLine{std::move(zone)};
}

std::optional<LowmemReserve> parse_lowmem_reserve(std::string_view message) {
  base::Scanner in(trim(message));
  if (!in.literal("lowmem_reserve[]:")) {
    return std::nullopt;
  }
  LowmemReserve reserve;
  in.skip_blanks();
  while (const auto pages = in.number<std::uint64_t>()) {
    reserve.pages.push_back(*pages);
    in.skip_blanks();
  }
  return in.done() ? std::optional(std::move(reserve)) : std::nullopt;
}

std::optional<BuddyLine> parse_buddy_line(std::string_view message) {
  auto text = trim(message);
  const auto node = read_node(text);
  const auto colon = text.find(": ");
  if (colon == std::string_view::npos || !is_zone_name(text.substr(0, colon))) {
    return std::nullopt;
  }
  BuddyLine line;
  line.zone.node = node;
  line.zone.name = text.substr(0, colon);
  base::Scanner in(text.substr(colon + 2));
  while (auto count = read_buddy_item(in)) {
    line.zone.buddy.push_back(std::move(*count));
  }
  if (line.zone.buddy.empty()) {
    return std::nullopt;
  }
  if (in.literal("= ")) {
    const auto total = in.number<std::uint64_t>();
    if (total && in.literal("kB")) {
      line.zone.buddy_total_bytes = saturated(*total, 1024);
    }
  }
  return line;
}

std::optional<HugepageLine> parse_hugepage_line(std::string_view message) {
  auto text = trim(message);
  const auto node = read_node(text);
  base::Scanner in(text);
  if (!node || !in.literal("hugepages_total=")) {
    return std::nullopt;
  }
  const auto total = in.number<std::uint64_t>();
  if (!total || !in.literal(" hugepages_free=")) {
    return std::nullopt;
  }
  const auto free = in.number<std::uint64_t>();
  if (!free || !in.literal(" hugepages_surp=")) {
    return std::nullopt;
  }
  const auto surplus = in.number<std::uint64_t>();
  if (!surplus || !in.literal(" hugepages_size=")) {
    return std::nullopt;
  }
  const auto size = in.number<std::uint64_t>();
  if (!size || !in.literal("kB")) {
    return std::nullopt;
  }
  return HugepageLine{
      {.node = *node, .total = *total, .free = *free, .surplus = *surplus, .size_bytes = saturated(*size, 1024)}};
}

std::optional<MemoryTotal> parse_memory_total(std::string_view message) {
  struct Name {
    std::string_view text;
    Count MemoryInfo::* field;
  };
  constexpr std::array kPages = {
      Name{"pages RAM", &MemoryInfo::ram_pages},
      Name{"pages of RAM", &MemoryInfo::ram_pages},
      Name{"pages HighMem/MovableOnly", &MemoryInfo::highmem_pages},
      Name{"pages HighMem", &MemoryInfo::highmem_pages},
      Name{"pages of HIGHMEM", &MemoryInfo::highmem_pages},
      Name{"pages reserved", &MemoryInfo::reserved_pages},
      Name{"reserved pages", &MemoryInfo::reserved_pages},
      Name{"pages cma reserved", &MemoryInfo::cma_reserved_pages},
      Name{"pages hwpoisoned", &MemoryInfo::hwpoisoned_pages},
      Name{"total pagecache pages", &MemoryInfo::pagecache_pages},
      Name{"pagecache pages", &MemoryInfo::pagecache_pages},
      Name{"pages in swap cache", &MemoryInfo::swapcache_pages},
      Name{"pages shared", nullptr},
      Name{"pages non-shared", nullptr},
      Name{"pages in pagetable cache", nullptr},
      Name{"free pages", nullptr},
      Name{"slab pages", nullptr},
      Name{"pages swap cached", nullptr},
      Name{"pages dirty", nullptr},
      Name{"pages writeback", nullptr},
      Name{"pages mapped", nullptr},
      Name{"pages slab", nullptr},
      Name{"pages pagetables", nullptr},
      Name{"pages highmem", nullptr},
  };
  constexpr std::array kSwap = {Name{"Free swap  = ", &MemoryInfo::swap_free_bytes},
                                Name{"Free swap = ", &MemoryInfo::swap_free_bytes},
                                Name{"Total swap = ", &MemoryInfo::swap_total_bytes}};
  base::Scanner in(trim(message));
  for (const auto& name : kSwap) {
    if (in.literal(name.text)) {
      const auto value = in.number<std::uint64_t>();
      return value && in.literal("kB") ? std::optional(MemoryTotal{name.field, saturated(*value, 1024)}) : std::nullopt;
    }
  }
  const auto value = in.number<std::uint64_t>();
  if (!value || !in.literal(" ")) {
    return std::nullopt;
  }
  const auto name = std::ranges::find(kPages, in.rest(), &Name::text);
  return name == kPages.end() ? std::nullopt : std::optional(MemoryTotal{name->field, *value});
}

std::optional<SlabStart> parse_slab_start(std::string_view message) {
  const auto text = trim(message);
  return text == "Unreclaimable slab info:" || (text.starts_with("Name ") && text.ends_with(" Total") &&
                                                text.find(" Used ") != std::string_view::npos)
             ? std::optional(SlabStart{})
             : std::nullopt;
}

std::optional<AllocationsStart> parse_allocations_start(std::string_view message) {
  const auto text = trim(message);
  return text.starts_with("Memory allocations") && text.ends_with(':') ? std::optional(AllocationsStart{})
                                                                       : std::nullopt;
}

// "%-17s %10luKB %10luKB": from the right, names may hold blanks.
std::optional<SlabRow> parse_slab_row(std::string_view message) {
  auto text = trim(message);
  std::array<std::uint64_t, 2> values{};
  for (auto& value : values) {
    const auto blank = text.find_last_of(" \t");
    if (blank == std::string_view::npos || !text.ends_with("KB")) {
      return std::nullopt;
    }
    const auto number = whole_number<std::uint64_t>(text.substr(blank + 1, text.size() - blank - 3));
    if (!number) {
      return std::nullopt;
    }
    value = saturated(*number, 1024);
    text = trim_right(text.substr(0, blank));
  }
  if (text.empty()) {
    return std::nullopt;
  }
  return SlabRow{{.name = std::string(text), .used_bytes = values[1], .total_bytes = values[0]}};
}

// "%12s %8llu %s:%u [%s] func:%s" (6.10+); the size is "38.4 MiB" or "512 B".
std::optional<AllocationRow> parse_allocation_row(std::string_view message) {
  base::Scanner in(trim(message));
  const auto whole = in.number<std::uint64_t>();
  if (!whole) {
    return std::nullopt;
  }
  std::uint64_t thousandths = 0;
  if (in.literal(".")) {
    std::uint64_t place = 100;
    while (!in.done() && is_digit(in.rest()[0])) {
      thousandths += static_cast<std::uint64_t>(in.rest()[0] - '0') * place;
      place /= 10;
      (void)in.literal(in.rest().substr(0, 1));
    }
  }
  if (!in.literal(" ")) {
    return std::nullopt;
  }
  const auto unit = in.word();
  constexpr std::array kUnits = {std::string_view("B"), std::string_view("KiB"), std::string_view("MiB"),
                                 std::string_view("GiB"), std::string_view("TiB")};
  const auto found = std::ranges::find(kUnits, unit.value_or(""));
  if (found == kUnits.end()) {
    return std::nullopt;
  }
  const auto factor = std::uint64_t{1} << (10 * static_cast<unsigned>(found - kUnits.begin()));
  in.skip_blanks();
  const auto calls = in.number<std::uint64_t>();
  if (!calls || !in.literal(" ") || in.done()) {
    return std::nullopt;
  }
  return AllocationRow{{.bytes = saturated(*whole, factor) + thousandths * factor / 1000,
                        .calls = *calls,
                        .location = std::string(in.rest())}};
}

std::optional<MemInfoDetail> parse_mem_info_detail(std::string_view message) {
  const auto text = trim(message);
  auto zone = text;
  (void)read_node(zone);
  const bool per_cpu = zone.ends_with(" per-cpu:") && is_zone_name(zone.substr(0, zone.size() - 9));
  base::Scanner in(text);
  if (in.literal("CPU ")) {
    in.skip_blanks();
    if (in.number<unsigned>() &&
        (in.rest().starts_with(": hi:") || in.rest().starts_with(": Hot: hi:") || in.rest().starts_with(": seq"))) {
      return MemInfoDetail{};
    }
  }
  base::Scanner old(text);  // until 2.6.24: "cpu 0 hot: high 186, batch 31 used:5"
  const bool hot = old.literal("cpu ") && old.number<unsigned>() &&
                   (old.rest().starts_with(" hot: ") || old.rest().starts_with(" cold: "));
  const bool known = per_cpu || hot || text.starts_with("Free pages: ") || text.starts_with("protections[]: ") ||
                     text.ends_with(" bounce buffer pages") || text.ends_with(" pages in page table cache") ||
                     text.ends_with(" free buffer pages") || zone.ends_with(" per-cpu: empty") ||
                     text.starts_with("Swap cache stats: ") || text.starts_with("Swap cache: add ") ||
                     text.starts_with("Free swap: ") ||
                     (text.starts_with("cma: ") && text.find(" pages") != std::string_view::npos) ||
                     text.starts_with("excessive unreclaimable slab but cannot dump stats") ||
                     text.starts_with("Memory cgroup min protection ") ||
                     (text.starts_with('[') && text.find("] total CMA pages") != std::string_view::npos);
  return known ? std::optional(MemInfoDetail{}) : std::nullopt;
}

}  // namespace forensics::lines

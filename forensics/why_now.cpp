// Why the kernel had to act at this moment.
#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/zones.h"

namespace forensics {
namespace {

using base::human_size;

std::string zone_name(const ZoneState& zone) {
  return zone.node ? fmt::format("zone {} of node {}", zone.name, *zone.node) : fmt::format("zone {}", zone.name);
}

// ", and there is no swap", ", and swap is full".
std::string swap_words(const Incident& incident) {
  if (incident.scope == "memcg") {
    if (!incident.cgroup || !incident.cgroup->swap || !incident.cgroup->swap->limit_bytes) {
      return "";
    }
    const auto& swap = *incident.cgroup->swap;
    if (*swap.limit_bytes == 0) {
      return ", and it may not swap";
    }
    return swap.usage_bytes.value_or(0) + (swap.limit_bytes.value_or(0) / 32) >= *swap.limit_bytes
               ? ", and its swap is full"
               : fmt::format(", with {} of its swap left", human_size(*swap.limit_bytes - *swap.usage_bytes));
  }
  if (!incident.memory_info || !incident.memory_info->swap_total_bytes) {
    return "";
  }
  const auto total = *incident.memory_info->swap_total_bytes;
  const auto free = std::min(incident.memory_info->swap_free_bytes.value_or(0), total);
  if (total == 0) {
    return ", and there is no swap";
  }
  return free <= total / 32 ? ", and swap is full" : fmt::format(", with {} of swap free", human_size(free));
}

Reason limit_reason(const Incident& incident) {
  std::string words = "the group's usage stood at its limit and reclaim could not bring it down";
  if (incident.analysis.allocation_path == "limit_lowered") {
    return {.code = "limit_lowered", .words = "somebody set the limit below what the group was using"};
  }
  if (const auto* file = find_part(incident.analysis.breakdown, "file"); file != nullptr) {
    words += fmt::format(": {} of clean page cache was left", human_size(file->bytes));
  } else if (!incident.analysis.breakdown.empty()) {
    words += ": no clean page cache was left";
  }
  return {.code = "limit", .words = words + swap_words(incident)};
}

// The zone that decided: of the large ones, as the small ones are kept in reserve, one that was short if there is one.
const ZoneState* deciding_zone(const std::vector<ZoneState>& zones) {
  std::uint64_t largest = 0;
  for (const auto& zone : zones) {
    largest = std::max(largest, zone.allowed == true && zone.short_bytes ? zone.watermark_bytes.value_or(0) : 0);
  }
  const ZoneState* best = nullptr;
  for (const auto& zone : zones) {
    const bool large = zone.allowed == true && zone.short_bytes && 2 * zone.watermark_bytes.value_or(0) >= largest;
    if (large && (best == nullptr || *zone.short_bytes > *best->short_bytes)) {
      best = &zone;
    }
  }
  return best;
}

// Memory that stood free where this request may not take it: in the zones above, which kernels since 6.2 leave out of
// the report, though not out of its sum.
std::uint64_t free_elsewhere(const Incident& incident) {
  std::uint64_t above = 0, shown = 0;
  for (const auto& zone : incident.analysis.zones) {
    above += zone.allowed == false ? zone.free_bytes.value_or(0) : 0;
    shown += zone.free_bytes.value_or(0);
  }
  const auto pages = incident.memory_info ? cgroup::find(incident.memory_info->counters, "free") : std::nullopt;
  const auto all = pages.value_or(0) * incident.analysis.page_size_bytes.value_or(4096);
  return above + (all > shown ? all - shown : 0);
}

bool has_block(const std::vector<ZoneState>& zones, std::uint64_t bytes) {
  return std::ranges::any_of(zones, [&](const ZoneState& zone) {
    return zone.allowed == true && zone.short_bytes == 0U && zone.largest_free_bytes.value_or(0) >= bytes;
  });
}

std::optional<Reason> fragmented(const Incident& incident) {
  const auto& analysis = incident.analysis;
  if (!analysis.request || analysis.request->order.value_or(0) <= 0 || !analysis.request->bytes ||
      has_block(analysis.zones, *analysis.request->bytes)) {
    return std::nullopt;
  }
  const auto order = static_cast<std::size_t>(*analysis.request->order);
  for (const auto& zone : analysis.zones) {
    if (zone.allowed == true && zone.short_bytes == 0U && order < zone.fragmentation.size()) {
      return Reason{
          .code = "fragmented",
          .words = fmt::format("{} had {} free, but {} % of it in pieces smaller than the {} that were wanted",
                               zone_name(zone), human_size(zone.free_bytes.value_or(0)),
                               percent(zone.fragmentation[order]), human_size(*analysis.request->bytes))};
    }
  }
  return std::nullopt;
}

// What would have been enough had the request been allowed to take it.
std::optional<Reason> withheld(const ZoneState& zone) {
  const auto cma = zone.cma_free_bytes.value_or(0), high = zone.highatomic_bytes.value_or(0);
  const auto missing = zone.short_bytes.value_or(0);
  if (missing > 0 && cma >= missing && zone.usable_bytes.value_or(0) + cma <= zone.free_bytes.value_or(0)) {
    return Reason{.code = "cma_only",
                  .words = fmt::format(
                      "{} of the {} free in {} are CMA, which only movable pages may use; without them it "
                      "was {} short",
                      human_size(cma), human_size(zone.free_bytes.value_or(0)), zone_name(zone), human_size(missing))};
  }
  if (missing > 0 && high >= missing) {
    return Reason{.code = "highatomic_reserved",
                  .words = fmt::format(
                      "{} of the {} free in {} are kept for atomic allocations of several pages; without "
                      "them it was {} short",
                      human_size(high), human_size(zone.free_bytes.value_or(0)), zone_name(zone), human_size(missing))};
  }
  return std::nullopt;
}

std::optional<Reason> low_zone(const Incident& incident, const ZoneState& zone) {
  const auto elsewhere = free_elsewhere(incident);
  if (incident.analysis.request->zone == "Movable" || zone.short_bytes.value_or(0) == 0 ||
      elsewhere <= zone.short_bytes.value_or(0) || elsewhere < zone.free_bytes.value_or(0)) {
    return std::nullopt;
  }
  return Reason{.code = "lowmem_zone",
                .words = fmt::format("the request may take from {} and below only, which was {} short, while {} stood "
                                     "free in the zones above",
                                     zone_name(zone), human_size(*zone.short_bytes), human_size(elsewhere))};
}

Reason below_min(const Incident& incident, const ZoneState& zone) {
  if (zone.short_bytes.value_or(0) == 0) {
    return {.code = "zone_above_min",
            .words = fmt::format("reclaim made no progress; by the time of the report {} had {} free again, above its "
                                 "min watermark of {}{}",
                                 zone_name(zone), human_size(zone.free_bytes.value_or(0)),
                                 human_size(zone.watermark_bytes.value_or(0)), swap_words(incident))};
  }
  const auto reserve = zone.lowmem_reserve_bytes.value_or(0);
  return {
      .code = "zone_below_min",
      .words = fmt::format("{} had {} free, {} less than its min watermark of {}{} asks for{}", zone_name(zone),
                           human_size(zone.free_bytes.value_or(0)), human_size(*zone.short_bytes),
                           human_size(zone.watermark_bytes.value_or(0)),
                           reserve > 0 ? fmt::format(" + {} reserve", human_size(reserve)) : "", swap_words(incident))};
}

// "memory node 1": those of the mask, else those that the report shows, as it leaves out the others.
std::string bound_nodes(const Incident& incident) {
  std::set<std::int64_t> nodes;
  for (const auto& zone : incident.analysis.zones) {
    if (zone.node) {
      nodes.insert(*zone.node);
    }
  }
  const auto list = incident.trigger.nodemask ? *incident.trigger.nodemask : fmt::format("{}", fmt::join(nodes, ","));
  if (list.empty()) {
    return "some of the memory nodes";
  }
  const bool one = list.find_first_of(",-") == std::string::npos;
  return fmt::format("memory node{} {}", one ? "" : "s", list);
}

// A cpuset or a NUMA policy kept the request on nodes that were full.
Reason bound(const Incident& incident, const ZoneState* zone) {
  const bool cpuset = incident.scope == "cpuset";
  auto words =
      fmt::format("the request was bound to {} by {}", bound_nodes(incident), cpuset ? "a cpuset" : "a NUMA policy");
  const auto& zones = incident.analysis.zones;
  if (!zones.empty() && std::ranges::all_of(zones, [](const ZoneState& state) { return state.allowed == false; })) {
    words += fmt::format("; they have only {}, from which such a request may take nothing", zone_name(zones.front()));
  } else if (zone != nullptr && zone->short_bytes.value_or(0) > 0) {
    words += fmt::format("; {} was {} below its min watermark", zone_name(*zone), human_size(*zone->short_bytes));
  }
  return {.code = "numa_bound", .words = std::move(words) + swap_words(incident)};
}

}  // namespace

std::optional<Reason> why_now(const Incident& incident) {
  const auto& analysis = incident.analysis;
  if (incident.manual) {
    return Reason{.code = "sysrq", .words = "somebody asked for it; nothing had run out"};
  }
  if (incident.kind == "userspace_kill") {
    return Reason{.code = "user_space",
                  .words = fmt::format("{} acted by its own threshold, before the kernel had to", incident.killer)};
  }
  if (incident.scope == "memcg") {
    return limit_reason(incident);
  }
  const auto* zone = deciding_zone(analysis.zones);
  if (incident.scope == "cpuset" || incident.scope == "mempolicy") {
    return bound(incident, zone);
  }
  if (auto reason = fragmented(incident)) {
    return reason;
  }
  if (zone == nullptr) {
    return std::nullopt;
  }
  if (auto reason = withheld(*zone)) {
    return reason;
  }
  if (auto reason = low_zone(incident, *zone)) {
    return reason;
  }
  return below_min(incident, *zone);
}

}  // namespace forensics

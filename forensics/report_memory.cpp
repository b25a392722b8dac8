// The middle of a report: the memory cgroup's block and the Mem-Info block.
#include <algorithm>

#include "forensics/report.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kMostZones = 4096;
constexpr std::size_t kMostCounters = 1000;

void set_counter(cgroup::Counters& counters, std::string_view name, std::uint64_t value, bool add) {
  const auto found = std::ranges::find(counters, name, &std::pair<std::string, std::uint64_t>::first);
  if (found == counters.end()) {
    if (counters.size() < kMostCounters) {
      counters.emplace_back(std::string(name), value);
    }
  } else if (add) {
    found->second = found->second + value < value ? ~std::uint64_t{0} : found->second + value;
  } else {
    found->second = value;  // a line that a paste holds twice counts once
  }
}

MemoryZone& zone_of(MemoryInfo& info, const std::optional<std::int64_t>& node, const std::string& name) {
  const auto found =
      std::ranges::find_if(info.zones, [&](const MemoryZone& zone) { return zone.node == node && zone.name == name; });
  if (found != info.zones.end()) {
    return *found;
  }
  if (info.zones.size() < kMostZones) {
    info.zones.emplace_back();
    info.zones.back().node = node;
    info.zones.back().name = name;
  }
  return info.zones.back();
}

}  // namespace

Report::Fit Report::take(const lines::MemcgLimit& line) {
  if (phase_ > Phase::memory) {
    return Fit::next_report;
  }
  if (parts_.allocation_failure) {
    return Fit::next_report;
  }
  if (line.task_memcg && !line.task_memcg->empty()) {
    cgroup().task_memcg = std::string(*line.task_memcg);
  }
  if (!line.oom_memcg.empty()) {
    cgroup().oom_memcg = std::string(line.oom_memcg);
  }
  parts_.memcg_block = certain_ = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::UsageLine& line) {
  if (phase_ > Phase::memory || parts_.allocation_failure) {
    return line.kind == lines::UsageLine::Kind::memory || parts_.allocation_failure ? Fit::next_report : Fit::foreign;
  }
  auto& report = cgroup();
  switch (line.kind) {
    case lines::UsageLine::Kind::memory:
      report.memory = line.usage;
      break;
    case lines::UsageLine::Kind::swap:
      report.swap = line.usage;
      break;
    case lines::UsageLine::Kind::memsw:
      report.memsw = line.usage;
      break;
    case lines::UsageLine::Kind::kmem:
      report.kmem = line.usage;
      break;
  }
  parts_.memcg_block = certain_ = true;
  reach(Phase::memory);
  return Fit::taken;
}

void Report::take_counters(const lines::StatsHeader& line) {
  for (const auto& [name, value] : line.counters) {
    set_counter(cgroup().stat, name, value, true);
  }
}

Report::Fit Report::take(const lines::StatsHeader& line) {
  if (phase_ > Phase::memory || parts_.allocation_failure) {
    return Fit::next_report;
  }
  // The first of the blocks is that of the group whose limit was hit; until 5.2 its groups' follow.
  if (!cgroup().oom_memcg && !line.path.empty() && (!line.inline_counters || cgroup().memory)) {
    cgroup().oom_memcg = std::string(line.path);
  }
  if ((stats_path_.empty() || stats_path_ == "?") && !line.inline_counters) {
    stats_path_ = line.path.empty() ? "?" : line.path;
  }
  stats_before_ = cgroup().stat;
  take_counters(line);
  parts_.separate_counters = parts_.separate_counters || !line.inline_counters;
  open_ = line.inline_counters ? Open::none : Open::stats;
  parts_.memcg_block = certain_ = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::StatCounter& line) {
  if (open_ != Open::stats) {
    return Fit::foreign;
  }
  set_counter(cgroup().stat, line.name, line.value, false);
  parts_.stat_bytes += line.name.size() + 2 + std::to_string(line.value).size();
  ++parts_.stat_counters;
  return Fit::taken;
}

Report::Fit Report::take(const lines::MemInfoStart& /*line*/) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;  // sysrq-m, or another report's whose first line was lost
  }
  (void)memory_info();
  parts_.global_block = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::PageCounters& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  for (const auto& [name, value] : line.counters) {
    set_counter(memory_info().counters, name, value, false);
  }
  parts_.global_block = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::NodeLine& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  auto& nodes = memory_info().nodes;
  const auto found = std::ranges::find(nodes, line.node.node, &MemoryNode::node);
  if (found != nodes.end()) {
    *found = line.node;
  } else if (nodes.size() < kMostZones) {
    nodes.push_back(line.node);
  }
  parts_.global_block = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::ZoneLine& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  auto& zone = zone_of(memory_info(), line.zone.node, line.zone.name);
  zone.counters = line.zone.counters;
  zone.all_unreclaimable = line.zone.all_unreclaimable;
  last_zone_ = {zone.node, zone.name};
  parts_.global_block = true;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::LowmemReserve& line) {
  if (phase_ > Phase::memory || !last_zone_) {
    return Fit::foreign;
  }
  zone_of(memory_info(), last_zone_->first, last_zone_->second).lowmem_reserve_pages = line.pages;
  return Fit::taken;
}

Report::Fit Report::take(const lines::BuddyLine& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  auto& zone = zone_of(memory_info(), line.zone.node, line.zone.name);
  zone.buddy = line.zone.buddy;
  zone.buddy_total_bytes = line.zone.buddy_total_bytes;
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::HugepageLine& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  auto& pools = memory_info().hugepages;
  const bool known = std::ranges::any_of(pools, [&](const HugepagePool& pool) {
    return pool.node == line.pool.node && pool.size_bytes == line.pool.size_bytes;
  });
  if (!known && pools.size() < kMostZones) {
    pools.push_back(line.pool);
  }
  reach(Phase::memory);
  return Fit::taken;
}

Report::Fit Report::take(const lines::MemoryTotal& line) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  reach(Phase::memory);
  if (line.field != nullptr) {
    memory_info().*line.field = line.value;
  }
  return Fit::taken;
}

Report::Fit Report::take(const lines::SlabStart& /*line*/) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  reach(Phase::memory);
  open_ = Open::slab;
  return Fit::taken;
}

Report::Fit Report::take(const lines::AllocationsStart& /*line*/) {
  if (phase_ > Phase::memory) {
    return Fit::foreign;
  }
  reach(Phase::memory);
  open_ = Open::allocations;
  return Fit::taken;
}

Report::Fit Report::take(const lines::MemInfoDetail& /*line*/) {
  return phase_ == Phase::memory ? Fit::taken : Fit::foreign;
}

}  // namespace forensics

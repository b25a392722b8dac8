#include "forensics/composition.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace forensics {
namespace {

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

double rounded_share(std::uint64_t bytes, std::uint64_t whole) {
  return whole == 0 ? 0 : std::round(static_cast<double>(bytes) / static_cast<double>(whole) * 1e4) / 1e4;
}

class Parts {
 public:
  void add(std::string_view name, std::uint64_t bytes) {
    if (bytes > 0) {
      parts_.push_back({.part = std::string(name), .bytes = bytes});
    }
  }

  // Largest first, unaccounted last, summing to the usage (to their own sum where that is not known).
  std::vector<Part> finish(Count usage) && {
    std::ranges::stable_sort(parts_, std::greater{}, &Part::bytes);
    std::uint64_t sum = 0;
    for (const auto& part : parts_) {
      sum += std::min(part.bytes, UINT64_MAX - sum);  // a hostile log's figures need not fit
    }
    const auto whole = usage.value_or(sum);
    lower(minus(sum, whole));
    std::erase_if(parts_, [](const Part& part) { return part.bytes == 0; });
    parts_.push_back({.part = "unaccounted", .bytes = minus(whole, sum)});
    for (auto& part : parts_) {
      part.share = rounded_share(part.bytes, whole);
    }
    return std::move(parts_);
  }

 private:
  // Takes the excess off the largest parts, which come down together to the level of the next one at most.
  void lower(std::uint64_t excess) {
    for (std::size_t count = 1; count <= parts_.size() && excess > 0; ++count) {
      const auto level = count < parts_.size() ? parts_[count].bytes : 0;
      const auto each = excess / count + (excess % count != 0 ? 1 : 0);
      const auto step = std::min(minus(parts_[0].bytes, level), each);
      for (std::size_t i = 0; i < count && excess > 0; ++i) {
        const auto cut = std::min({step, excess, parts_[i].bytes});
        parts_[i].bytes -= cut;
        excess -= cut;
      }
    }
    std::ranges::stable_sort(parts_, std::greater{}, &Part::bytes);
  }

  std::vector<Part> parts_;
};

// Anonymous pages that only the swap cache still holds: on the anonymous lists, but neither mapped nor shmem.
std::uint64_t swap_cache(std::uint64_t anon_lists, std::uint64_t anon, std::uint64_t shmem, std::uint64_t swapcached) {
  return std::min(swapcached, minus(anon_lists, anon + shmem));
}

// The page cache without shmem, split by what writeback still has to do.
void add_file(Parts& parts, std::uint64_t file, std::uint64_t shmem, std::uint64_t dirty, std::uint64_t writeback) {
  const auto cache = minus(file, shmem);
  dirty = std::min(dirty, cache);
  writeback = std::min(writeback, cache - dirty);
  parts.add("shmem", std::min(shmem, file));
  parts.add("file", cache - dirty - writeback);
  parts.add("file_dirty", dirty);
  parts.add("file_writeback", writeback);
}

class Stat {
 public:
  explicit Stat(const cgroup::Counters& counters) : counters_(counters) {}
  [[nodiscard]] std::uint64_t operator[](std::string_view name) const {
    return cgroup::find(counters_, name).value_or(0);
  }
  [[nodiscard]] bool has(std::string_view name) const { return cgroup::find(counters_, name).has_value(); }

 private:
  const cgroup::Counters& counters_;
};

// cache and rss of cgroup v1: local counters, or total_* with the children (6.5+).
std::vector<Part> compose_v1(const CgroupReport& report) {
  const Stat raw(report.stat);
  const std::string prefix = raw.has("total_rss") ? "total_" : "";
  const auto stat = [&](std::string_view name) { return raw[prefix + std::string(name)]; };
  Parts parts;
  parts.add("anon", stat("rss"));  // includes swap cache
  add_file(parts, stat("cache"), stat("shmem"), stat("dirty"), stat("writeback"));
  if (report.kmem) {
    parts.add("kernel_other", report.kmem->usage_bytes.value_or(0));
  }
  return std::move(parts).finish(report.memory ? report.memory->usage_bytes : std::nullopt);
}

// A counter that the kernel prints per node or, before 5.9, per zone.
std::uint64_t sum_of(const MemoryInfo& info, std::string_view name) {
  std::uint64_t sum = 0;
  bool in_nodes = false;
  for (const auto& node : info.nodes) {
    if (const auto value = cgroup::find(node.counters, name)) {
      sum += *value;
      in_nodes = true;
    }
  }
  if (!in_nodes) {
    for (const auto& zone : info.zones) {
      sum += cgroup::find(zone.counters, name).value_or(0);
    }
  }
  return sum;
}

std::uint64_t hugetlb_bytes(const MemoryInfo& info) {
  std::uint64_t sum = 0;
  for (const auto& pool : info.hugepages) {
    sum += pool.total * pool.size_bytes;
  }
  return sum;
}

std::vector<Part> compose_global(const MemoryInfo& info, std::uint64_t page) {
  const Stat pages(info.counters);
  if (info.counters.empty()) {
    return {};
  }
  Parts parts;
  const auto anon_lists = (pages["active_anon"] + pages["inactive_anon"] + pages["isolated_anon"]) * page;
  const auto file_lists = (pages["active_file"] + pages["inactive_file"] + pages["isolated_file"]) * page;
  const auto shmem = std::min(pages["shmem"] * page, anon_lists);  // shmem lives on the anonymous lists
  parts.add("anon", anon_lists - shmem);
  add_file(parts, file_lists + shmem, shmem, pages["dirty"] * page, pages["writeback"] * page);
  for (const std::string_view name : {"unevictable", "slab_reclaimable", "slab_unreclaimable", "pagetables",
                                      "sec_pagetables", "kernel_misc_reclaimable", "bounce"}) {
    parts.add(name, pages[name] * page);
  }
  parts.add("kernel_stack", sum_of(info, "kernel_stack"));
  parts.add("zspages", sum_of(info, "zspages"));
  parts.add("balloon", sum_of(info, "Balloon"));
  parts.add("gpu", sum_of(info, "gpu_active") + sum_of(info, "gpu_reclaim"));
  parts.add("hugetlb", hugetlb_bytes(info));
  const auto free_cma = std::min(pages["free_cma"], pages["free"]);
  parts.add("free_cma", free_cma * page);
  parts.add("free", (pages["free"] - free_cma + pages["free_pcp"]) * page);
  parts.add("hwpoisoned", info.hwpoisoned_pages.value_or(0) * page);
  parts.add("reserved", info.reserved_pages.value_or(0) * page);
  return std::move(parts).finish(info.ram_pages ? Count(*info.ram_pages * page) : std::nullopt);
}

// The nodes that the request was bound to: the kernel leaves the others' lines out (SHOW_MEM_FILTER_NODES). Nothing
// when they are not printed one by one (before 4.8). Slab is not printed by node.
std::vector<Part> compose_nodes(const MemoryInfo& info) {
  std::uint64_t managed = 0, free = 0, free_cma = 0;
  for (const auto& zone : info.zones) {
    const Stat stat(zone.counters);
    managed += stat["managed"];
    free += stat["free"] + stat["free_pcp"];
    free_cma += stat["free_cma"];
  }
  if (info.nodes.empty() || managed == 0) {
    return {};
  }
  const auto sum = [&](std::string_view name) { return sum_of(info, name); };
  Parts parts;
  const auto anon_lists = sum("active_anon") + sum("inactive_anon") + sum("isolated(anon)");
  const auto file_lists = sum("active_file") + sum("inactive_file") + sum("isolated(file)");
  const auto shmem = std::min(sum("shmem"), anon_lists);
  parts.add("anon", anon_lists - shmem);
  add_file(parts, file_lists + shmem, shmem, sum("dirty"), sum("writeback"));
  for (const std::string_view name : {"unevictable", "kernel_stack", "pagetables", "sec_pagetables", "zspages"}) {
    parts.add(name, sum(name));
  }
  std::uint64_t hugetlb = 0;
  for (const auto& pool : info.hugepages) {
    const bool shown = std::ranges::any_of(info.nodes, [&](const MemoryNode& node) { return node.node == pool.node; });
    hugetlb += shown ? pool.total * pool.size_bytes : 0;
  }
  parts.add("hugetlb", hugetlb);
  parts.add("free_cma", std::min(free_cma, free));
  parts.add("free", minus(free, free_cma));
  return std::move(parts).finish(managed);
}

constexpr auto kWords = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"anon", "anonymous memory"},
    {"shmem", "shared memory and tmpfs"},
    {"file", "clean page cache"},
    {"file_dirty", "page cache not written yet"},
    {"file_writeback", "page cache being written"},
    {"swapcache", "swap cache"},
    {"slab_reclaimable", "reclaimable slab"},
    {"slab_unreclaimable", "unreclaimable slab"},
    {"kernel_stack", "kernel stacks"},
    {"pagetables", "page tables"},
    {"sec_pagetables", "secondary page tables"},
    {"percpu", "per-CPU memory"},
    {"vmalloc", "vmalloc"},
    {"sock", "socket buffers"},
    {"zswap", "zswap"},
    {"hugetlb", "huge pages (hugetlb)"},
    {"kernel_other", "other kernel memory"},
    {"kernel_misc_reclaimable", "other reclaimable kernel memory"},
    {"unevictable", "unevictable memory"},
    {"bounce", "bounce buffers"},
    {"hwpoisoned", "pages with hardware errors"},
    {"reserved", "reserved by the kernel at boot"},
    {"zspages", "zram and zswap"},
    {"balloon", "balloon"},
    {"gpu", "GPU memory"},
    {"free_cma", "free, for movable pages only (CMA)"},
    {"free", "free"},
    {"unaccounted", "unaccounted"},
});

}  // namespace

Count mlocked_bytes(const MemoryInfo& info) {
  Count sum;
  for (const auto& zone : info.zones) {
    if (const auto value = cgroup::find(zone.counters, "mlocked")) {
      sum = sum.value_or(0) + *value;
    }
  }
  return sum;
}

std::uint64_t pinned_bytes(const MemoryInfo& info) {
  std::uint64_t sum = 0;
  for (const auto& zone : info.zones) {
    const auto unevictable = cgroup::find(zone.counters, "unevictable");
    const auto locked = cgroup::find(zone.counters, "mlocked");
    sum += unevictable && locked ? minus(*unevictable, *locked) : 0;
  }
  return sum;
}

std::vector<Part> compose_v2(const cgroup::Counters& memory_stat, Count usage_bytes, Count kernel_bytes) {
  const Stat stat(memory_stat);
  if (!stat.has("anon") && !stat.has("file")) {
    return {};
  }
  Parts parts;
  parts.add("anon", stat["anon"]);
  add_file(parts, stat["file"], stat["shmem"], stat["file_dirty"], stat["file_writeback"]);
  parts.add("swapcache",
            swap_cache(stat["inactive_anon"] + stat["active_anon"], stat["anon"], stat["shmem"], stat["swapcached"]));
  std::uint64_t kernel = 0;
  for (const std::string_view name : {"slab_reclaimable", "slab_unreclaimable", "kernel_stack", "pagetables",
                                      "sec_pagetables", "percpu", "vmalloc", "zswap"}) {
    parts.add(name, stat[name]);
    kernel += stat[name];
  }
  parts.add("kernel_other", minus(stat.has("kernel") ? stat["kernel"] : kernel_bytes.value_or(0), kernel));
  parts.add("sock", stat["sock"]);
  parts.add("hugetlb", stat["hugetlb"]);
  return std::move(parts).finish(usage_bytes);
}

std::vector<Part> compose(const Incident& incident, std::uint64_t page_size_bytes) {
  if (incident.scope == "memcg" || (incident.cgroup && !incident.memory_info)) {
    if (!incident.cgroup || incident.cgroup->stat.empty()) {
      return {};
    }
    const auto& report = *incident.cgroup;
    const Stat stat(report.stat);
    if (stat.has("rss") || stat.has("total_rss")) {
      return compose_v1(report);
    }
    return compose_v2(report.stat, report.memory ? report.memory->usage_bytes : std::nullopt,
                      report.kmem ? report.kmem->usage_bytes : std::nullopt);
  }
  if (!incident.memory_info) {
    return {};
  }
  if (incident.scope == "cpuset" || incident.scope == "mempolicy") {
    if (auto parts = compose_nodes(*incident.memory_info); !parts.empty()) {
      return parts;
    }
  }
  return compose_global(*incident.memory_info, page_size_bytes);
}

Count composition_error_bytes(const Incident& incident, std::uint64_t page_size_bytes) {
  if (incident.analysis.breakdown.empty() || !incident.trigger.cpu || *incident.trigger.cpu < 0) {
    return std::nullopt;
  }
  constexpr std::uint64_t kChargeBatch = 64, kZoneThreshold = 125, kMostCpus = 1 << 16;
  const auto cpus = std::min(static_cast<std::uint64_t>(*incident.trigger.cpu) + 1, kMostCpus);
  if (incident.scope == "memcg" || !incident.memory_info) {
    return kChargeBatch * cpus * page_size_bytes;
  }
  const auto zones = std::max<std::size_t>(incident.memory_info->zones.size(), 1);
  return kZoneThreshold * cpus * zones * page_size_bytes;
}

std::optional<Dominant> dominant_part(const std::vector<Part>& parts) {
  const Part* largest = nullptr;
  for (const auto& part : parts) {
    const bool in_use = part.part != "free" && part.part != "free_cma" && part.part != "reserved";
    if (in_use && part.share > 0 && (largest == nullptr || part.bytes > largest->bytes)) {
      largest = &part;
    }
  }
  return largest == nullptr ? std::nullopt : std::optional(Dominant{.part = largest->part, .share = largest->share});
}

std::string_view part_words(std::string_view part) {
  const auto found = std::ranges::find(kWords, part, &std::pair<std::string_view, std::string_view>::first);
  return found == kWords.end() ? part : found->second;
}

std::vector<std::string> part_names() {
  std::vector<std::string> names;
  names.reserve(std::size(kWords));
  for (const auto& [name, words] : kWords) {
    names.emplace_back(name);
  }
  return names;
}

const Part* find_part(const std::vector<Part>& parts, std::string_view name) {
  const auto found = std::ranges::find(parts, name, &Part::part);
  return found == parts.end() ? nullptr : &*found;
}

int percent(double share) {
  return static_cast<int>(std::lround(share * 100));
}

}  // namespace forensics

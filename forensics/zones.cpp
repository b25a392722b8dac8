#include "forensics/zones.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "forensics/request.h"

namespace forensics {
namespace {

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

// lowmem_reserve[] has one entry per zone type that the kernel was built with, also for those that are empty and not
// printed; which they are follows from their number and the names that are printed.
std::optional<std::size_t> reserve_index(const MemoryInfo& info, std::size_t entries, int rank) {
  using Names = std::array<int, 6>;
  const auto seen = [&](std::string_view name) {
    return std::ranges::any_of(info.zones, [&](const MemoryZone& zone) { return zone.name == name; });
  };
  const bool high = seen("HighMem") || info.highmem_pages.value_or(0) > 0;
  constexpr int kDma = 0, kDma32 = 1, kNormal = 2, kHigh = 3, kMovable = 4, kDevice = 5;
  Names types{kDma, kDma32, kNormal, kMovable, kDevice, -1};
  if (high) {
    types = {kDma, kNormal, kHigh, kMovable, kDevice, -1};
  } else if (entries == 3 && seen("DMA32")) {
    types = {kDma32, kNormal, kMovable, -1, -1, -1};
  } else if (entries == 3) {
    types = {kDma, kNormal, kMovable, -1, -1, -1};
  } else if (entries == 2) {
    types = {kNormal, kMovable, -1, -1, -1, -1};
  }
  // A type that is not built in stands for the next lower one: a movable request on a kernel without HighMem.
  std::optional<std::size_t> index;
  for (std::size_t i = 0; i < std::min(entries, types.size()); ++i) {
    if (types[i] >= 0 && types[i] <= rank) {
      index = i;
    }
  }
  return index;
}

// The share of the free memory that lies in blocks too small for each order.
std::vector<double> fragmentation(const std::vector<BuddyCount>& buddy) {
  std::uint64_t all = 0, smaller = 0;
  for (const auto& block : buddy) {
    all += block.size_bytes * block.free;
  }
  std::vector<double> shares;
  for (const auto& block : buddy) {
    const double share = all == 0 ? 0 : static_cast<double>(smaller) / static_cast<double>(all);
    shares.push_back(std::min(1.0, std::round(share * 1e4) / 1e4));
    smaller += block.size_bytes * block.free;
  }
  return shares;
}

class Measure {
 public:
  Measure(const MemoryInfo& info, const std::optional<Request>& request, std::uint64_t page)
      : info_(info), request_(request), page_(page) {
    if (request && request->zone) {
      rank_ = zone_rank(*request->zone);
    }
  }

  [[nodiscard]] ZoneState of(const MemoryZone& zone) const {
    const auto value = [&](std::string_view name) { return cgroup::find(zone.counters, name); };
    ZoneState state{.node = zone.node, .name = zone.name, .free_bytes = value("free"), .watermark_bytes = value("min")};
    state.cma_free_bytes = value("free_cma");
    state.highatomic_bytes = value("free_highatomic") ? value("free_highatomic") : value("reserved_highatomic");
    const auto rank = zone_rank(zone.name);
    if (rank && rank_) {
      state.allowed = *rank <= *rank_;
    }
    state.fragmentation = fragmentation(zone.buddy);
    for (const auto& block : zone.buddy) {
      if (block.free > 0) {
        state.largest_free_bytes = block.size_bytes;
      }
    }
    if (rank_) {
      if (const auto index = reserve_index(info_, zone.lowmem_reserve_pages.size(), *rank_)) {
        state.lowmem_reserve_bytes = zone.lowmem_reserve_pages[*index] * page_;
      }
    }
    measure(state);
    return state;
  }

 private:
  void measure(ZoneState& state) const {
    if (!state.free_bytes || !request_) {
      return;
    }
    auto usable = *state.free_bytes;
    if (request_->atomic != true) {
      usable = minus(usable, state.highatomic_bytes.value_or(0));
    }
    if (request_->movable != true) {
      usable = minus(usable, state.cma_free_bytes.value_or(0));
    }
    state.usable_bytes = usable;
    if (state.watermark_bytes && state.allowed == true) {
      // What is left after the request has to be above the mark, so that all of it but one page counts as taken.
      const auto taken = minus(request_->bytes.value_or(page_), page_);
      const auto wanted = *state.watermark_bytes + state.lowmem_reserve_bytes.value_or(0) + taken;
      state.short_bytes = usable <= wanted ? wanted - usable + page_ : 0;
    }
  }

  const MemoryInfo& info_;
  const std::optional<Request>& request_;
  std::uint64_t page_;
  std::optional<int> rank_;
};

}  // namespace

std::vector<ZoneState> measure_zones(const MemoryInfo& info, const std::optional<Request>& request,
                                     std::uint64_t page_size_bytes) {
  std::vector<ZoneState> zones;
  zones.reserve(info.zones.size());
  const Measure measure(info, request, page_size_bytes);
  for (const auto& zone : info.zones) {
    zones.push_back(measure.of(zone));
  }
  return zones;
}

}  // namespace forensics

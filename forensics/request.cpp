// include/linux/gfp_types.h: what the flags of an allocation allow.
#include "forensics/request.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/bytes.h"

namespace forensics {
namespace {

constexpr std::int64_t kMostOrders = 20;

class Flags {
 public:
  explicit Flags(const std::vector<std::string>& flags) : flags_(flags) {}
  [[nodiscard]] bool has(std::string_view name) const { return std::ranges::find(flags_, name) != flags_.end(); }
  [[nodiscard]] bool has_any(std::initializer_list<std::string_view> names) const {
    return std::ranges::any_of(names, [this](std::string_view name) { return has(name); });
  }

 private:
  const std::vector<std::string>& flags_;
};

// gfp_zone(): the highest zone that the mask allows.
std::string zone_of(const Flags& flags) {
  if (flags.has("__GFP_DMA")) {
    return "DMA";
  }
  if (flags.has("__GFP_DMA32")) {
    return "DMA32";
  }
  if (flags.has("__GFP_HIGHMEM")) {
    return flags.has("__GFP_MOVABLE") ? "Movable" : "HighMem";
  }
  return "Normal";
}

void decode_mask(const GfpMask& mask, Request& request) {
  const Flags flags(mask.flags);
  if (mask.flags.empty() || mask.value == 0U) {
    return;  // gfp_mask=0x0: the page-fault path, which says nothing about the allocation
  }
  request.atomic = !flags.has_any({"__GFP_DIRECT_RECLAIM", "__GFP_WAIT"});
  request.noio = !*request.atomic && !flags.has("__GFP_IO");
  request.nofs = !*request.atomic && !flags.has("__GFP_FS");
  request.nofail = flags.has("__GFP_NOFAIL");
  request.noretry = flags.has("__GFP_NORETRY");
  request.movable = flags.has("__GFP_MOVABLE");
  request.zone = zone_of(flags);
}

std::string words_of(const Request& request) {
  std::string words = "one page";
  if (request.order.value_or(0) > 0 && request.bytes) {
    words = fmt::format("{} in one piece (order {})", base::human_size(*request.bytes), *request.order);
  } else if (request.bytes) {
    words = fmt::format("one page of {}", base::human_size(*request.bytes));
  }
  std::string conditions;
  const auto add = [&](std::string_view condition) {
    conditions += fmt::format("{}{}", conditions.empty() ? "" : ", ", condition);
  };
  if (request.atomic == true) {
    add("that could not wait");
  } else if (request.noio == true) {
    add("without any I/O to make room");
  } else if (request.nofs == true) {
    add("without entering a file system to make room");
  }
  if (request.nofail == true) {
    add("that must not fail");
  }
  if (request.zone == "DMA" || request.zone == "DMA32") {
    add(fmt::format("from zone {} only", *request.zone));
  } else if (request.movable == false && request.zone) {
    add("that cannot be moved later");
  }
  return conditions.empty() ? words : fmt::format("{}, {}", words, conditions);
}

}  // namespace

std::optional<int> zone_rank(std::string_view name) {
  constexpr auto kZones = std::to_array<std::string_view>({"DMA", "DMA32", "Normal", "HighMem", "Movable"});
  const auto found = std::ranges::find(kZones, name);
  return found == kZones.end() ? std::nullopt : std::optional(static_cast<int>(found - kZones.begin()));
}

std::optional<Request> decode_request(const Incident& incident, std::uint64_t page_size_bytes) {
  const auto& trigger = incident.trigger;
  if ((!trigger.order && !trigger.gfp_mask) || incident.manual || trigger.order == -1) {
    return std::nullopt;
  }
  Request request{.order = trigger.order};
  if (trigger.order && *trigger.order >= 0 && *trigger.order < kMostOrders) {
    request.bytes = page_size_bytes << static_cast<unsigned>(*trigger.order);
  }
  if (trigger.gfp_mask) {
    decode_mask(*trigger.gfp_mask, request);
  }
  request.words = words_of(request);
  return request;
}

}  // namespace forensics

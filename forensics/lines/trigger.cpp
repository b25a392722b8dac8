#include "forensics/lines/trigger.h"

#include <algorithm>
#include <cstring>

#include "forensics/text.h"

namespace forensics::lines {
namespace {

constexpr std::string_view kInvoked = " invoked oom-killer:";
constexpr std::string_view kFailure = ": page allocation failure";
constexpr std::string_view kStall = ": page allocation stalls for ";
constexpr std::string_view kVmalloc = ": vmalloc ";

// "0xcc0(GFP_KERNEL)", "0x280da", "0x0()": false when there is no number.
bool read_gfp(std::string_view text, Allocation& into) {
  if (!text.starts_with("0x") && !text.starts_with('0')) {
    return false;
  }
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
  }
  const auto digits = std::min(text.find_first_not_of("0123456789abcdefABCDEF"), text.size());
  const auto value = whole_number<std::uint64_t>(text.substr(0, digits), 16);
  if (!value) {
    return false;
  }
  text.remove_prefix(digits);
  into.gfp_value = value;
  if (text.starts_with('(')) {
    const auto close = text.find(')');
    into.gfp_has_names = close != std::string_view::npos;
    into.gfp_names = into.gfp_has_names ? text.substr(1, close - 1) : std::string_view{};
  }
  return true;
}

std::optional<std::string_view> after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  return at == std::string_view::npos ? std::nullopt : std::optional(text.substr(at + key.size()));
}

}  // namespace

namespace {

// OpenVZ: "21738 (php-cgi) invoked oom-killer in ub 1234 generation 1 gfp 0xd0".
std::optional<Trigger> parse_openvz_trigger(std::string_view message) {
  constexpr std::string_view kInUb = ") invoked oom-killer in ub ";
  if (message.empty() || !is_digit(message[0])) {
    return std::nullopt;
  }
  const auto at = message.rfind(kInUb);
  const auto open = message.find(" (");
  if (at == std::string_view::npos || open > at || !whole_number<std::int64_t>(message.substr(0, open))) {
    return std::nullopt;
  }
  Trigger trigger;
  trigger.comm = message.substr(open + 2, at - open - 2);
  if (const auto gfp = after(message.substr(at), " gfp ")) {
    (void)read_gfp(*gfp, trigger);
  }
  return trigger;
}

}  // namespace

// Since 2.6.11; the keys changed with 2.6.32, 2.6.36, 3.7, 4.6, 4.9 and 5.0 (and are in another order in 4.5-rc).
std::optional<Trigger> parse_trigger(std::string_view message) {
  if (!message.contains("killer")) {  // most lines: it begins with a letter that is rare
    return std::nullopt;
  }
  constexpr std::string_view kNameless = "oom-killer: gfp_mask=0x";  // until 2.6.14
  if (message.starts_with(kNameless)) {
    Trigger trigger;
    (void)read_gfp(message.substr(kNameless.size() - 2), trigger);
    return trigger;
  }
  const auto at = message.rfind(kInvoked);
  if (at == std::string_view::npos) {
    return parse_openvz_trigger(message);
  }
  Trigger trigger;
  trigger.comm = message.substr(0, at);
  if (trigger.comm.starts_with("OOM[")) {  // a vendor's prefix "OOM[1]: "
    if (const auto colon = trigger.comm.find("]: "); colon != std::string_view::npos) {
      trigger.comm.remove_prefix(colon + 3);
    }
  }
  const auto rest = trim_left(message.substr(at + kInvoked.size()));
  constexpr std::string_view kFirstKey = "gfp_mask=0x";
  if (rest.size() < kFirstKey.size()
          ? !kFirstKey.starts_with(rest)
          : !(rest.starts_with("gfp_mask=") || rest.starts_with("order=") || rest.starts_with("oom_score_adj="))) {
    return std::nullopt;
  }
  if (const auto gfp = after(rest, "gfp_mask="); gfp && !gfp->empty() && !read_gfp(*gfp, trigger)) {
    return std::nullopt;  // a format string in a patch or a source file
  }
  trigger.order = number_after<std::int64_t>(rest, "order=");
  trigger.oom_score_adj = number_after<std::int64_t>(rest, "oom_score_adj=");
  trigger.oom_adj = number_after<std::int64_t>(rest, "oom_adj=");
  if (!trigger.oom_adj) {
    trigger.oom_adj = number_after<std::int64_t>(rest, "oomkilladj=");
  }
  if (const auto mask = after(rest, "nodemask=")) {
    trigger.nodemask = node_list(*mask);
    trigger.nodemask = trigger.nodemask->empty() ? std::nullopt : trigger.nodemask;
  }
  return trigger;
}

std::optional<AllocationFailure> parse_allocation_failure(std::string_view message) {
  AllocationFailure failure;
  auto at = message.find(kFailure);
  if (at == std::string_view::npos) {
    at = message.find(kStall);
    failure.stall = true;
  }
  const bool vmalloc = at == std::string_view::npos;
  if (vmalloc) {  // "X: vmalloc error: size 4096, failed to allocate pages, mode:0xcc0(GFP_KERNEL), nodemask=(null)"
    at = message.find(kVmalloc);
  }
  if (at == std::string_view::npos || at == 0) {
    return std::nullopt;
  }
  failure.stall = failure.stall && !vmalloc;
  failure.comm = message.substr(0, at);
  const auto rest = message.substr(at);
  failure.order = number_after<std::int64_t>(rest, "order:");
  const auto mode = after(rest, "mode:");
  if ((!failure.order && !vmalloc) || !mode || !read_gfp(*mode, failure)) {
    return std::nullopt;
  }
  if (const auto mask = after(rest, "nodemask=")) {
    failure.nodemask = node_list(*mask);
    failure.nodemask = failure.nodemask->empty() ? std::nullopt : failure.nodemask;
  }
  return failure;
}

std::optional<ManualOom> parse_manual_oom(std::string_view message) {
  auto rest = trim_left(message);
  bool prefixed = false;
  for (const auto prefix : {std::string_view("sysrq: "), std::string_view("SysRq : ")}) {
    if (begins_with(rest, prefix)) {
      rest.remove_prefix(prefix.size());
      prefixed = true;
    }
  }
  if (prefixed && rest.starts_with("Manual OOM execution")) {
    return ManualOom{};
  }
  if (rest.starts_with("OOM request ignored")) {
    return ManualOom{.ignored = true};
  }
  return std::nullopt;
}

std::optional<Suppressed> parse_suppressed(std::string_view message) {
  if (message.find("suppressed") == std::string_view::npos) {
    return std::nullopt;
  }
  auto end = message.find(" callbacks suppressed");
  if (end == std::string_view::npos) {
    end = message.find(" messages suppressed.");  // until 2.6.x: of all that printk_ratelimit() guards
  }
  const auto colon = message.find(": ");
  if (end == std::string_view::npos || colon == std::string_view::npos || colon > end) {
    return std::nullopt;
  }
  const auto count = whole_number<std::uint64_t>(message.substr(colon + 2, end - colon - 2));
  if (!count) {
    return std::nullopt;
  }
  const auto name = trim_left(message.substr(0, colon));
  return Suppressed{.count = *count,
                    .of_oom = name == "oom_kill_process" || name == "dump_header" || name == "out_of_memory"};
}

std::optional<Boot> parse_boot(std::string_view message) {
  constexpr std::string_view kStart = "Linux version ";
  if (!message.starts_with(kStart)) {
    return std::nullopt;
  }
  const auto rest = message.substr(kStart.size());
  if (rest.empty() || !is_digit(rest[0])) {
    return std::nullopt;
  }
  return Boot{.release = rest.substr(0, std::min(rest.find(' '), rest.size()))};
}

}  // namespace forensics::lines

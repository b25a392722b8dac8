// A console of a kernel with CONFIG_PRINTK_CALLER: "[   12.345678][ T3997] text". (Without it a console prints what
// dmesg does.) Also a hypervisor's log of a guest's console, "... Guest: <6>[39291577.009360] text", and the CPU and
// task that vendors of phones print: "[   12.345678] [2: kworker/0:1] text".
#include "forensics/carrier.h"
#include "forensics/message_prefix.h"
#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics::carriers {
namespace {

std::optional<Record> decode(std::string_view line, std::string& /*scratch*/) {
  Record record;
  auto text = line;
  if (const auto guest = text.find("Guest: <"); guest != std::string_view::npos) {
    auto rest = text.substr(guest + 7);
    if (const auto priority = read_priority(rest)) {
      record.kernel = *priority < 8;
      read_kernel_message(rest, record);
      return record;
    }
  }
  if (const auto priority = read_priority(text)) {
    record.kernel = *priority < 8;
  }
  record.monotonic_s = read_kernel_stamp(text);
  record.caller = read_caller(text);
  if (record.caller.empty()) {
    if (!record.monotonic_s) {
      return std::nullopt;
    }
    const auto rest = without_task(text);
    if (rest.size() == text.size()) {
      return std::nullopt;
    }
    text = rest;
  }
  record.message = text;
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"[   87.432610][ T3997] Mem-Info:", "Mem-Info:"},
    {"[   87.432610][    C0] Mem-Info:", "Mem-Info:"},
    {"<4>[   87.432610][    C0] Mem-Info:", "Mem-Info:"},
    {"[ T3997] Mem-Info:", "Mem-Info:"},
    {"Aug 04 12:00:00.123: vcpu-0| I120: Guest: <6>[39291577.009360] Mem-Info:", "Mem-Info:"},
    {"[   12.345678] [2: kworker/0:1] Mem-Info:", "Mem-Info:"},
    {"<4>[   12.345678]  [2:    kworker/u16:1:  112] Mem-Info:", "Mem-Info:"},
    {"[   12.345678] I[2:    kworker/u16:1:  112] Mem-Info:", "Mem-Info:"},
    {"<6>[   12.345678].(3)[1234:kworker/u8:1]Mem-Info:", "Mem-Info:"},
    {"<6>[   12.345678] c1   1234 Mem-Info:", "Mem-Info:"},
    {"[   12.345678] [c2] Mem-Info:", "Mem-Info:"},
};

}  // namespace

constinit extern const Carrier console{
    .summary = "consoles with printk caller ids, guests' consoles in a hypervisor's log",
    .rank = 35,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

// /dev/kmsg (Documentation/ABI/testing/dev-kmsg) and extended netconsole: "prio,seq,usec,flags[,caller=T12];text" with
// \xNN escapes.
#include "base/escape.h"
#include "base/scanner.h"
#include "forensics/carrier.h"

namespace forensics::carriers {
namespace {

std::optional<Record> decode(std::string_view line, std::string& scratch) {
  base::Scanner in(line);
  const auto priority = in.number<unsigned>();
  if (!priority || !in.literal(",")) {
    return std::nullopt;
  }
  Record record;
  record.kernel = *priority < 8;
  record.sequence = in.number<std::uint64_t>();
  if (!record.sequence || !in.literal(",")) {
    return std::nullopt;
  }
  const auto microseconds = in.number<std::uint64_t>();
  if (!microseconds || !in.literal(",")) {
    return std::nullopt;
  }
  record.monotonic_s = static_cast<double>(*microseconds) / 1e6;
  const auto flags = in.until(";");
  if (!flags || flags->empty() || std::string_view("-c+").find((*flags)[0]) == std::string_view::npos) {
    return std::nullopt;
  }
  record.piece = (*flags)[0] == '-' ? '\0' : (*flags)[0];
  constexpr std::string_view kCaller = ",caller=";
  if (const auto at = flags->find(kCaller); at != std::string_view::npos) {
    const auto caller = flags->substr(at + kCaller.size());
    record.caller = caller.substr(0, std::min(caller.find(','), caller.size()));
  }
  if (in.rest().find('\\') == std::string_view::npos) {
    record.message = in.rest();
  } else {
    scratch = base::unescape_kmsg(in.rest());
    record.message = scratch;
  }
  return record;
}

constexpr CarrierSample kSamples[] = {
    {"4,1234,5678901,-;Mem-Info:", "Mem-Info:"},
    {"6,1234,5678901,-,caller=T12;Mem-Info:", "Mem-Info:"},
    {R"(6,1234,5678901,-;anon 1\x0afile 2)", "anon 1\nfile 2"},
    {R"(6,1234,5678901,c;a\x5cx2db)", "a\\x2db"},
};

}  // namespace

constinit extern const Carrier kmsg{
    .summary = "records of /dev/kmsg, extended netconsole",
    .rank = 10,
    .decode = decode,
    .samples = kSamples,
};

}  // namespace forensics::carriers

#pragma once

#include "forensics/document.h"

namespace forensics {

// Every printed zone measured against the request, as __zone_watermark_ok() of mm/page_alloc.c does with the min
// watermark, by which the OOM killer is called.
std::vector<ZoneState> measure_zones(const MemoryInfo& info, const std::optional<Request>& request,
                                     std::uint64_t page_size_bytes);

// Why the kernel had to act at this moment. Needs the request and the zones in the incident's analysis. Nothing when
// the report does not say.
std::optional<Reason> why_now(const Incident& incident);

}  // namespace forensics

#pragma once

#include "forensics/document.h"

namespace forensics {

// The allocation that failed: size, what its GFP mask allows it to do and from which zones it may take. Nothing when
// the report says neither order nor mask.
std::optional<Request> decode_request(const Incident& incident, std::uint64_t page_size_bytes);

// The rank of a zone among the zones (DMA < DMA32 < Normal < HighMem < Movable), by its name; nothing for others.
std::optional<int> zone_rank(std::string_view name);

}  // namespace forensics

#pragma once

#include "forensics/document.h"

namespace forensics {

// Whether the group threw out pages only to read them back: refaults by the counters of the report, and what the run's
// PSI says. Nothing where neither is worth naming.
std::optional<Thrashing> find_thrashing(const Incident& incident, const Run* run);

}  // namespace forensics

#pragma once

#include "forensics/document.h"

namespace forensics {

// What kind of story the incidents are: those of one host with the same limit owner (or of the machine) that follow
// each other make one episode. A single report is one only when it was repeated or suppressed others.
std::vector<Episode> find_episodes(const std::vector<Incident>& incidents);

// Seconds from one incident to a later one: by the clock where both state it, by the time since boot where that is as
// far, or all there is. Nothing where neither tells.
std::optional<double> seconds_between(const Time& from, const Time& to);

}  // namespace forensics

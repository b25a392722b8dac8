#pragma once

#include <vector>

#include "forensics/document.h"

namespace forensics {

// The findings of all rules on an explained incident, the likeliest cause first: what a rule outranks stands behind it.
std::vector<Diagnosis> diagnose(const Incident& incident, const Run* run);

}  // namespace forensics

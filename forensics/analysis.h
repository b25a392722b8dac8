#pragma once

#include "forensics/document.h"

namespace forensics {

// Fills what is derived: owner, analysis (page size, breakdown, ranking, allocation path, limit owner), diagnosis (by
// the rules) and verdict. Reads nothing but the incident and, when it belongs to one, the run. Doing it twice gives the
// same.
void explain(Incident& incident, const Run* run = nullptr);

}  // namespace forensics

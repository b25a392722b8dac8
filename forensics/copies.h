#pragma once

#include "forensics/document.h"

namespace forensics {

// Removes the incidents that a document holds twice: a log and its copy (kern.log and syslog, a console beside the
// journal), or a line that a paste quotes before the whole report. Two are one when they have the same stamp of the
// kernel and name the same processes, or when the same process was killed with the same figures; neither the host nor
// the time may contradict. The more complete one stays. Warnings (duplicate_report) say how many of an input went.
void drop_copies(Postmortem& document);

}  // namespace forensics

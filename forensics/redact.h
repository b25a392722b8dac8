#pragma once

#include "forensics/document.h"
#include "forensics/redactor.h"

namespace forensics {

// Puts pseudonyms in place of the names of hosts, processes and cgroups, wherever in the document they stand, and of
// the inputs' names; what is derived is derived anew. Of lines of the log the words stay that the kernel uses. Figures,
// process ids, times, the kernel's release and the hardware stay.
void redact(Postmortem& document, Redactor& redactor);

}  // namespace forensics

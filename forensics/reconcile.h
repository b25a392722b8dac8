#pragma once

#include "forensics/document.h"

namespace forensics {

// Holds the kills that a counter of the kernel has against those that the log shows, and explains the difference by
// what the document says about the log: lost records, reports without a victim, a log that begins within a report.
// cgroup: whose counter it is, nothing for the machine's.
Reconciliation reconcile(const Postmortem& document, std::string source, Text cgroup, std::uint64_t logged,
                         std::uint64_t counted);

}  // namespace forensics

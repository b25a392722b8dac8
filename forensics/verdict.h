#pragma once

#include <string>

#include "forensics/document.h"

namespace forensics {

// One sentence: who was killed, by whose limit (or why nobody was), how large it is, what filled it. Needs the
// analysis. Raw bytes, as the log's names are.
std::string verdict(const Incident& incident);

// "(pid 3652)" style name of a victim: "a.out (pid 3652)".
std::string process_name(const Text& comm, std::int64_t pid);

}  // namespace forensics

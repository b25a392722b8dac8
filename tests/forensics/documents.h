#pragma once

#include <span>
#include <string>

#include "forensics/document.h"

// The documents that every renderer is tried on.
namespace forensics::tests {

struct NamedDocument {
  const char* name;
  Postmortem (*make)();
};
std::span<const NamedDocument> all_documents();

// One incident, explained, of a log of 62 lines.
Postmortem of_incident(Incident incident);
// Several incidents of several logs.
Postmortem several();
// Two logs without any.
Postmortem nothing_found();

}  // namespace forensics::tests

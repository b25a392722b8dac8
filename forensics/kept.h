#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "forensics/document.h"

// Post-mortems as they were kept: files of one or of many, made one again.
namespace forensics {

// The documents of a file: one as JSON, or one a line (NDJSON). The error names the member, or the line.
base::Result<std::vector<Postmortem>> read_kept(std::string_view text);

// One document of them all, in their order: inputs that are the same once, what points at an input or an incident
// moved. Of a run there can be one document only (kind usage).
base::Result<Postmortem> merge(std::vector<Postmortem> documents);

}  // namespace forensics

#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/result.h"
#include "forensics/document.h"

namespace forensics {

// The document of docs/schema/postmortem-1.json. Never throws and always valid JSON, whatever bytes the strings hold
// (invalid UTF-8 becomes \xNN). Indented by two, ends in a newline; as_line puts it on one line (NDJSON).
enum class Layout { pretty, line };

// The columns of run.timeline, in order.
inline constexpr std::array<std::string_view, 9> kTimelineColumns = {"t_s",          "memory_bytes", "swap_bytes",
                                                                     "anon_bytes",   "file_bytes",   "shmem_bytes",
                                                                     "kernel_bytes", "psi_some_s",   "psi_full_s"};

inline constexpr std::string_view kSchemaName = "oomlab.postmortem/1";

std::string to_json(const Postmortem& document, Layout layout = Layout::pretty);

// docs/schema/postmortem-1.json as it was when this was built: JSON Schema, draft 2020-12.
std::string_view postmortem_schema();

// Reads it back; unknown members are ignored, so a document of a newer minor version still reads. The error names the
// member.
base::Result<Postmortem> from_json(std::string_view text);

}  // namespace forensics

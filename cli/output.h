#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "base/result.h"
#include "forensics/document.h"
#include "forensics/renderer.h"

// Where post-mortems go: -o FILE (its ending picks the format), -o - (standard output), --format.
namespace cli {

// One -o, or standard output with a format.
struct Output {
  std::string path;  // "-" for standard output
  std::string format;
  const forensics::Renderer* renderer = nullptr;
  std::optional<base::PendingFile> file;  // opened ahead by open_outputs()
  std::string job_summary;                // of the format github: what GITHUB_STEP_SUMMARY names, or empty
  base::Fd job_summary_fd;                // opened ahead by open_outputs()
};

// What -o and --format ask for. Without -o: standard output in `format`, else in `standard_format`; an empty
// standard_format means that nothing is printed then. Refuses before any work is done (kind usage, one line): an
// unknown format, an ending that picks none, a folder that is not there or not writable, a folder in place of a file,
// the same target twice.
base::Result<std::vector<Output>> check_outputs(const std::vector<std::string>& outputs,
                                                const std::optional<std::string>& format,
                                                std::string_view standard_format = "text");

// Opens the files now, for a process that will not be able to; until they are written what was there stays. Returns the
// folders in which writing them will replace an entry.
base::Result<std::vector<std::filesystem::path>> open_outputs(std::vector<Output>& outputs);

// Renders and writes each: files as one step (a reader never sees half of one), standard output whole. With the format
// github the document as Markdown is added to the job's summary, too. threads may render. The error names the target.
base::Result<> write_document(const forensics::Postmortem& document, std::vector<Output>& outputs,
                              unsigned threads = 1);

// Both in one, for commands that have nothing to lose in between.
base::Result<> write_document(const forensics::Postmortem& document, const std::vector<std::string>& outputs,
                              const std::optional<std::string>& format, std::string_view standard_format = "text");

// The names of all formats, for help texts and choices.
std::vector<std::string> format_names();

}  // namespace cli

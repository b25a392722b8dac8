#pragma once

#include <functional>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "forensics/document.h"

namespace forensics {

// One log: an open descriptor (file, pipe) or bytes that are in memory already.
struct Source {
  std::string name;  // shown in Input::name
  base::Fd fd;       // used when valid, else bytes
  std::string bytes;
  std::optional<std::string> carrier;  // forced; else detected by trying
};

struct AnalyzeOptions {
  unsigned jobs = 1;  // threads: over the logs, and within a large plain file. The document is the same for any number
  std::function<void(std::uint64_t bytes_read)> progress;  // called now and then
  // Called when a pipe has been silent for some seconds, with the incidents that were found since the last time: who
  // follows a log shows them, and takes them out.
  std::function<void(Postmortem&)> on_pause;
  std::function<bool(Incident&)> on_incident;  // when set: each finished incident is handed over (false stops) instead
                                               // of collected; with one thread then
};

// Reads the logs to their ends: carriers -> records -> reports -> incidents with analysis, verdict and diagnosis. An
// input that cannot be read is an error; what cannot be understood never is.
base::Result<Postmortem> analyze(std::span<Source> sources, const AnalyzeOptions& options = {});

}  // namespace forensics

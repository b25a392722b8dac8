#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "forensics/analyze.h"

namespace cli {

// The logs that the words name, opened: a file, a folder with everything under it, "-" or no word at all for standard
// input. The files of a folder come in the order of their paths, those of a rotated set (kern.log, kern.log.1,
// kern.log.2.gz, ...) oldest first. A journal file is read through journalctl(1). An error names the word and is of
// kind usage; a file that a folder holds and that cannot be read is one, too.
base::Result<std::vector<forensics::Source>> open_inputs(const std::vector<std::string>& words,
                                                         const std::optional<std::string>& carrier);

// The size of all of them together; nothing when one has none to speak of (a pipe).
std::optional<std::uint64_t> total_size(const std::vector<forensics::Source>& sources);

// Orders paths, those of a rotated set oldest first.
bool comes_before(const std::string& a, const std::string& b);

}  // namespace cli

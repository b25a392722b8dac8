#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/scenario/judgement.h"

namespace cli::scenario {

// Where results go: a file, or "-" for standard output.
struct Target {
  std::string path, format;  // text | json | junit
};

// What -o asks for, and standard output in that format, unless it is empty. An ending that picks no
// format and a file that cannot be written are errors of kind usage, before any work is done.
base::Result<std::vector<Target>> check_targets(const std::vector<std::string>& outputs, std::string_view format);

// Writes to each; all: the table shows what was met, too. Returns the exit status, 0 when all is written.
int write_results(const std::vector<Judgement>& judgements, const std::vector<Target>& targets, bool all);

}  // namespace cli::scenario

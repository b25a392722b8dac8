#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "cli/options.h"

namespace cli {

// One call of a subcommand.
struct Invocation {
  std::string_view name;               // as typed
  std::vector<std::string> arguments;  // after the name
};

// A subcommand: one file under commands/. Its run() builds an Options table bound to its own variables, parses, works,
// and returns the exit status. Errors: return report(error) of cli/report.h; data goes to stdout, words to stderr.
struct Command {
  std::string_view summary;  // one line for `oomlab --help`
  std::string_view usage;    // "[limits] [-o FILE]... -- CMD [ARG...]"
  std::string_view details;  // paragraphs and examples for its --help
  int (*run)(const Invocation& invocation);
  bool hidden = false;  // internal: not listed
};

std::span<const base::Descriptor<Command>> all_commands();

}  // namespace cli

#include "cli/command.h"
#include "cli/report.h"
#include "forensics/json.h"

namespace cli::commands {
namespace {

int run_schema(const Invocation& invocation);

}  // namespace

constinit extern const Command schema{
    .summary = "prints the JSON Schema of the post-mortem",
    .usage = "",
    .details =
        "JSON Schema, draft 2020-12, of what --format json writes.\n\n"
        "  oomlab schema > postmortem-1.json\n"
        "  python3 -m jsonschema -i p.json postmortem-1.json",
    .run = run_schema,
};

namespace {

int run_schema(const Invocation& invocation) {
  Options options;
  const auto parsed = options.parse(invocation.name, schema, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (!parsed->words.empty() || !parsed->after_dashes.empty()) {
    return report({.kind = base::ErrorKind::usage, .message = "schema: takes no arguments", .remedy = {}});
  }
  return print(forensics::postmortem_schema());
}

}  // namespace
}  // namespace cli::commands

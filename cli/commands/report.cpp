#include "cli/report.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "forensics/json.h"

namespace cli::commands {
namespace {

int run_report(const Invocation& invocation);

}  // namespace

constinit extern const Command report{
    .summary = "renders a kept post-mortem again",
    .usage = "FILE.json [--format FORMAT] [-o FILE]...",
    .details =
        "Reads what run, stress or analyze wrote (- is standard input) and writes it in another form.\n\n"
        "  oomlab report p.json                 as text\n"
        "  oomlab report p.json -o p.txt        the ending picks the format",
    .run = run_report,
};

namespace {

int run_report(const Invocation& invocation) {
  Options options;
  std::optional<std::string> format;
  std::vector<std::string> outputs;
  options.text("format", format, "FORMAT",
               fmt::format("{}; text when nothing is said", fmt::join(format_names(), ", ")));
  options.list("output", 'o', outputs, "FILE", "write there; the ending picks the format, - is standard output");
  const auto parsed = options.parse(invocation.name, report, invocation.arguments);
  if (!parsed) {
    return cli::report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  std::vector<std::string> files = parsed->words;
  files.insert(files.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());
  if (files.size() != 1) {
    return cli::report({.kind = base::ErrorKind::usage,
                        .message = files.empty() ? "report: no post-mortem given" : "report: one post-mortem at a time",
                        .remedy = "oomlab report FILE.json (- for standard input)"});
  }
  auto targets = check_outputs(outputs, format);
  if (!targets) {
    return cli::report(targets.error());
  }
  const auto& name = files.front();
  auto text = name == "-" ? base::read_all(0) : base::read_all(name);
  if (!text) {
    auto error = std::move(text).error();
    error.kind = base::ErrorKind::usage;  // an input that cannot be read: exit 2
    return cli::report(error);
  }
  auto document = forensics::from_json(*text);
  if (!document) {
    return cli::report(std::move(document).error().context(name));
  }
  const auto written = write_document(*document, *targets);
  return written ? 0 : cli::report(written.error());
}

}  // namespace
}  // namespace cli::commands

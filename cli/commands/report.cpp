#include "cli/report.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "forensics/kept.h"

namespace cli::commands {
namespace {

int run_report(const Invocation& invocation);

}  // namespace

constinit extern const Command report{
    .summary = "renders a kept post-mortem again",
    .usage = "FILE.json... [--format FORMAT] [-o FILE]...",
    .details =
        "Reads what run, stress or analyze wrote as JSON or NDJSON (- is standard input) and writes it in another "
        "form. "
        "Several post-mortems\n"
        "of logs become one.\n\n"
        "  oomlab report p.json                       as text\n"
        "  oomlab report p.json -o p.html -o p.md     the ending picks the format\n"
        "  oomlab report web*.json -o all.html        several nodes in one page",
    .run = run_report,
};

namespace {

// A log in place of a post-mortem is the usual mistake.
base::Error with_way_out(base::Error error, std::string_view name, std::string_view text) {
  const bool like_json = text.substr(std::min(text.find_first_not_of(" \t\r\n"), text.size())).starts_with('{');
  if (error.remedy.empty() && !like_json) {
    error.remedy = fmt::format("oomlab analyze {} if this is a log", base::quote_shell(name));
  }
  return std::move(error).context(name == "-" ? "standard input" : base::escape_terminal(name));
}

base::Result<forensics::Postmortem> read_all(const std::vector<std::string>& files) {
  std::vector<forensics::Postmortem> documents;
  for (const auto& name : files) {
    auto text = name == "-" ? base::read_all(0) : base::read_all(name);
    if (!text) {
      auto error = std::move(text).error();
      error.kind = base::ErrorKind::usage;  // an input that cannot be read: exit 2
      return std::unexpected(std::move(error));
    }
    auto read = forensics::read_kept(*text);
    if (!read) {
      return std::unexpected(with_way_out(std::move(read).error(), name, *text));
    }
    std::ranges::move(*read, std::back_inserter(documents));
  }
  return forensics::merge(std::move(documents));
}

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
  if (files.empty()) {
    return cli::report({.kind = base::ErrorKind::usage,
                        .message = "report: no post-mortem given",
                        .remedy = "oomlab report FILE.json (- for standard input)"});
  }
  auto targets = check_outputs(outputs, format);
  if (!targets) {
    return cli::report(targets.error());
  }
  auto document = read_all(files);
  if (!document) {
    return cli::report(document.error());
  }
  const auto written = write_document(*document, *targets);
  return written ? 0 : cli::report(written.error());
}

}  // namespace
}  // namespace cli::commands

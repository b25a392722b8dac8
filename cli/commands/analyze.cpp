// oomlab analyze: kernel logs to post-mortems.
#include "forensics/analyze.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/parallel.h"
#include "base/sandbox.h"
#include "cli/command.h"
#include "cli/control_file_options.h"
#include "cli/inputs.h"
#include "cli/line_listing.h"
#include "cli/output.h"
#include "cli/reading_bar.h"
#include "cli/redact_options.h"
#include "cli/report.h"
#include "cli/selection_options.h"
#include "forensics/episodes.h"
#include "forensics/redact.h"

namespace cli::commands {
namespace {

int run_analyze(const Invocation& invocation);

}  // namespace

constinit extern const Command analyze{
    .summary = "explain the OOM kills in kernel logs",
    .usage = "[FILE...] [--format F] [-o FILE]... [--since TIME] [--until TIME] [--host NAME]... [--exit-code]",
    .details =
        "Reads dmesg output, syslog and journal exports, consoles, /dev/kmsg records and plain copies of them, also "
        "compressed (gzip, xz, zstd);\n"
        "what they are is found by trying. Without FILE, or for '-', standard input is read. A folder is read with "
        "everything under it,\n"
        "rotated logs oldest first; journal files through journalctl.\n\n"
        "  dmesg | oomlab analyze\n"
        "  dmesg --follow | oomlab analyze          each kill as it comes\n"
        "  oomlab analyze /var/log/kern.log*\n"
        "  oomlab analyze kern.log -o report.txt -o report.json\n"
        "  oomlab analyze /var/log --since yesterday --host web1\n"
        "  oomlab analyze kern.log --redact -o shared.json\n\n"
        "Logs are parsed in a sandbox (seccomp, Landlock): a mistake in the parser can open, send and start nothing.\n"
        "Exit status: 0 everything was read, 1 with --exit-code when there is an incident and with --require-complete "
        "when a part of one is missing,\n"
        "2 usage or unreadable input.",
    .run = run_analyze,
};

namespace {

struct AnalyzeOptions {
  std::optional<std::string> format, carrier;
  std::vector<std::string> outputs;
  std::optional<std::int64_t> jobs;
  bool exit_code = false, require_complete = false, no_sandbox = false, explain_lines = false;
  SelectionOptions which;
  ControlFileOptions control_files;
  RedactOptions redact;

  [[nodiscard]] unsigned threads() const { return jobs ? static_cast<unsigned>(*jobs) : base::processors(); }

  void bind(Options& table) {
    table.text("format", format, "FORMAT",
               fmt::format("output format of standard output: {}", fmt::join(format_names(), ", ")));
    table.list(
        "output", 'o', outputs, "FILE",
        "write the report to FILE, in the format of its ending; '-' is standard output; may be given more than once");
    which.bind(table);
    control_files.bind(table);
    redact.bind(table);
    table.group("Reading");
    table.text("carrier", carrier, "NAME", "read the logs as this carrier instead of trying all");
    table.integer("jobs", jobs, 1, 256, "threads; as many as there are processors when nothing is said");
    table.flag("explain-lines", explain_lines,
               "instead of the report: each line of the logs, with what it was read as in front of it");
    table.flag("no-sandbox", no_sandbox, "do not confine the parser (to debug it)");
    table.group("Exit status");
    table.flag("exit-code", exit_code, "exit with 1 when there is an incident");
    table.flag("require-complete", require_complete, "exit with 1 when a part of an incident's report is missing");
  }
};

// A sandbox that this machine cannot give is no reason to leave a log unread, but not to be silent either; a build with
// sanitizers never has one.
void enter_sandbox(std::vector<std::filesystem::path> folders) {
  const auto confined = base::confine(
      {.replace_files_in = std::move(folders), .advice = "please report this; --no-sandbox works around it"});
  constexpr bool kSanitized =
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
      true;
#else
      false;
#endif
  if (!confined.seccomp && !confined.landlock_abi && !kSanitized) {
    say(fmt::format("reading without a sandbox: {}", confined.seccomp.error().message));
  }
}

void warn_about(const forensics::Postmortem& document) {
  for (const auto& input : document.inputs) {
    if (input.bytes == 0) {
      say(fmt::format("{}: empty", input.name == "-" ? "standard input" : input.name));
    }
  }
}

int exit_status(const forensics::Postmortem& document, const AnalyzeOptions& options) {
  const bool incomplete =
      std::ranges::any_of(document.incidents, [](const auto& incident) { return !incident.complete; });
  return (options.exit_code && !document.incidents.empty()) || (options.require_complete && incomplete) ? 1 : 0;
}

// --explain-lines shows the lines as they are: what is about the document would be ignored.
base::Result<> check_listing(const AnalyzeOptions& options) {
  const std::pair<std::string_view, bool> others[] = {
      {"--format", options.format.has_value()},
      {"-o", !options.outputs.empty()},
      {"--exit-code", options.exit_code},
      {"--require-complete", options.require_complete},
      {"--since, --until and --host", options.which.selection.selects()},
      {"--memory-stat, --memory-events and --vmstat", options.control_files.given()},
      {"--redact", options.redact.given()},
  };
  for (const auto& [name, given] : others) {
    if (options.explain_lines && given) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("--explain-lines prints lines, not a report: {} cannot go with it", name));
    }
  }
  return {};
}

// Where post-mortems go: all at the end, but what a silent pipe has held so far goes ahead.
class Report {
 public:
  Report(const AnalyzeOptions& options, std::vector<Output>& outputs, std::optional<forensics::Redactor> redactor)
      : options_(options), outputs_(outputs), redactor_(std::move(redactor)) {}

  // Whether it can be written in parts.
  [[nodiscard]] bool can_go_ahead() const {
    return std::ranges::all_of(outputs_, [](const Output& output) { return output.path == "-"; });
  }

  void go_ahead(forensics::Postmortem& so_far) {
    select(so_far);
    so_far.episodes = forensics::find_episodes(so_far.incidents);
    status_ |= exit_status(so_far, options_);
    redact(so_far);
    (void)write_document(so_far, outputs_);  // what cannot be written now cannot be at the end, which says so
    so_far.incidents.clear();
    so_far.warnings.clear();
    went_ahead_ = true;
  }

  base::Result<int> finish(forensics::Postmortem& document, const forensics::ControlFiles& control_files) {
    const auto kills = forensics::logged_kills(document);
    select(document);
    if (control_files.any()) {
      forensics::join(document, control_files, kills);
    }
    document.episodes = forensics::find_episodes(document.incidents);
    status_ |= exit_status(document, options_);
    redact(document);
    if (!went_ahead_ || !document.incidents.empty()) {
      TRY(write_document(document, outputs_, options_.threads()));
    }
    return status_;
  }

 private:
  void redact(forensics::Postmortem& document) {
    if (redactor_) {
      forensics::redact(document, *redactor_);
    }
  }

  void select(forensics::Postmortem& document) const {
    if (options_.which.selection.selects()) {
      forensics::select(document, options_.which.selection, options_.which.now);
    }
  }

  const AnalyzeOptions& options_;
  std::vector<Output>& outputs_;
  std::optional<forensics::Redactor> redactor_;
  int status_ = 0;
  bool went_ahead_ = false;
};

base::Result<forensics::Postmortem> read_logs(std::vector<forensics::Source>& sources, const AnalyzeOptions& options,
                                              ReadingBar& bar, Report& report) {
  forensics::AnalyzeOptions how{.jobs = options.threads()};
  if (bar.is_shown()) {
    how.progress = [&](std::uint64_t bytes) { bar.update(bytes); };
  }
  if (report.can_go_ahead()) {
    how.on_pause = [&](forensics::Postmortem& so_far) {
      bar.clear();
      report.go_ahead(so_far);
    };
  }
  auto document = forensics::analyze(sources, how);
  bar.clear();
  if (!document) {
    auto error = std::move(document).error();
    error.kind = base::ErrorKind::usage;  // an input that cannot be read
    return std::unexpected(std::move(error));
  }
  return document;
}

// What can be wrong with the words comes first, then everything is opened, then the sandbox closes.
base::Result<int> explain(AnalyzeOptions& options, const std::vector<std::string>& words) {
  TRY(options.which.check());
  TRY(check_listing(options));
  // With -o alone nothing but a word is said; a --format asks for standard output, too.
  if (options.format && !options.outputs.empty() && std::ranges::find(options.outputs, "-") == options.outputs.end()) {
    options.outputs.emplace_back("-");
  }
  TRY_ASSIGN(auto outputs, check_outputs(options.outputs, options.format));
  TRY_ASSIGN(auto sources, open_inputs(words, options.carrier));
  TRY(options.control_files.open());
  TRY_ASSIGN(auto redactor, options.redact.open());
  if (options.explain_lines) {
    outputs.clear();
  }
  TRY_ASSIGN(auto folders, open_outputs(outputs));
  ReadingBar bar(total_size(sources));
  if (!options.no_sandbox) {
    enter_sandbox(std::move(folders));
  }
  if (options.explain_lines) {
    TRY(list_lines(sources));
    return 0;
  }
  TRY_ASSIGN(const auto control_files, options.control_files.read());
  Report report(options, outputs, std::move(redactor));
  TRY_ASSIGN(auto document, read_logs(sources, options, bar, report));
  warn_about(document);
  return report.finish(document, control_files);
}

int run_analyze(const Invocation& invocation) {
  AnalyzeOptions options;
  Options table;
  options.bind(table);
  const auto parsed = table.parse(invocation.name, analyze, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  auto words = parsed->words;
  words.insert(words.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());
  const auto status = explain(options, words);
  return status ? *status : report(status.error());
}

}  // namespace
}  // namespace cli::commands

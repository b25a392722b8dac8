// oomlab analyze: kernel logs to post-mortems.
#include "forensics/analyze.h"

#include <sched.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/sandbox.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/output.h"
#include "cli/reading_bar.h"
#include "cli/report.h"

namespace cli::commands {
namespace {

int run_analyze(const Invocation& invocation);

}  // namespace

constinit extern const Command analyze{
    .summary = "explain the OOM kills in kernel logs",
    .usage = "[FILE...] [--format F] [-o FILE]... [--carrier C] [--exit-code]",
    .details =
        "Reads dmesg output, syslog and journal exports, consoles, /dev/kmsg records and plain copies of them, also "
        "compressed (gzip, xz, zstd);\n"
        "what they are is found by trying. Without FILE, or for '-', standard input is read. A folder is read with "
        "everything under it,\n"
        "rotated logs oldest first; journal files through journalctl.\n\n"
        "  dmesg | oomlab analyze\n"
        "  dmesg --follow | oomlab analyze          each kill as it comes\n"
        "  oomlab analyze /var/log/kern.log*\n"
        "  oomlab analyze kern.log -o report.txt -o report.json\n\n"
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
  bool exit_code = false, require_complete = false, no_sandbox = false;

  void bind(Options& table) {
    table.text("format", format, "FORMAT",
               fmt::format("output format of standard output: {}", fmt::join(format_names(), ", ")));
    table.list(
        "output", 'o', outputs, "FILE",
        "write the report to FILE, in the format of its ending; '-' is standard output; may be given more than once");
    table.group("Reading");
    table.text("carrier", carrier, "NAME", "read the logs as this carrier instead of trying all");
    table.integer("jobs", jobs, 1, 256, "threads; as many as there are processors when nothing is said");
    table.flag("no-sandbox", no_sandbox, "do not confine the parser (to debug it)");
    table.group("Exit status");
    table.flag("exit-code", exit_code, "exit with 1 when there is an incident");
    table.flag("require-complete", require_complete, "exit with 1 when a part of an incident's report is missing");
  }
};

// Processors that this process may run on.
unsigned processors() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

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
  // With -o alone nothing but a word is said; a --format asks for standard output, too.
  if (options.format && !options.outputs.empty() && std::ranges::find(options.outputs, "-") == options.outputs.end()) {
    options.outputs.emplace_back("-");
  }
  auto outputs = check_outputs(options.outputs, options.format);
  if (!outputs) {
    return report(outputs.error());
  }
  auto sources = open_inputs(words, options.carrier);
  if (!sources) {
    return report(sources.error());
  }
  auto folders = open_outputs(*outputs);
  if (!folders) {
    return report(folders.error());
  }
  ReadingBar bar(total_size(*sources));
  forensics::AnalyzeOptions how{.jobs = options.jobs ? static_cast<unsigned>(*options.jobs) : processors()};
  if (bar.is_shown()) {
    how.progress = [&](std::uint64_t bytes) { bar.update(bytes); };
  }
  bool shown = false;
  int status = 0;
  if (std::ranges::all_of(*outputs, [](const Output& output) { return output.path == "-"; })) {
    how.on_pause = [&](forensics::Postmortem& found) {
      bar.clear();
      shown = true;
      status |= exit_status(found, options);
      (void)write_document(found, *outputs);  // what cannot be written now cannot be at the end, which says so
      found.incidents.clear();
      found.warnings.clear();
    };
  }
  if (!options.no_sandbox) {
    enter_sandbox(*std::move(folders));
  }
  const auto document = forensics::analyze(*sources, how);
  bar.clear();
  if (!document) {
    auto error = document.error();
    error.kind = base::ErrorKind::usage;  // an input that cannot be read
    return report(error);
  }
  warn_about(*document);
  status |= exit_status(*document, options);
  if (shown && document->incidents.empty()) {
    return status;
  }
  if (const auto written = write_document(*document, *outputs); !written) {
    return report(written.error());
  }
  return status;
}

}  // namespace
}  // namespace cli::commands

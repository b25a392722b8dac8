#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/replay/comparison.h"
#include "cli/replay/plan.h"
#include "cli/report.h"
#include "cli/scenario/crew.h"
#include "forensics/analyze.h"
#include "vm/vm.h"

namespace cli::commands {

extern const Command replay;

namespace {

constexpr int kExitInterrupted = 130;

struct ReplayOptions {
  std::optional<std::int64_t> incident;
  std::optional<double> scale;
  std::optional<std::string> kernel, save;
  std::vector<std::string> outputs;
  std::optional<std::string> format;
  bool dry_run = false, cold = false;

  void bind(Options& table) {
    table.integer("incident", incident, 1, INT32_MAX, "which OOM kill of the log, from 1 (default: the first)");
    table.value("scale", 0, "N%", "of all sizes (default 100%, or what a guest of 2 GiB can hold)",
                [this](std::string_view text) -> base::Result<> {
                  TRY_ASSIGN(const auto share, base::parse_size(text, 1'000'000));
                  if (!text.ends_with('%') || share == 0 || share > 1'000'000) {
                    return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not a share from 0.01% to 100%",
                                                                          base::escape_terminal(text)));
                  }
                  scale = static_cast<double>(share) / 1e6;
                  return {};
                });
    table.text("kernel", kernel, "NAME|PATH", "of the micro-VM (default: the log's, if there is one like it)");
    table.text("save", save, "FILE.json", "keep the scenario, for `scenario run`");
    table.flag("dry-run", dry_run, "print the scenario, run nothing");
    table.flag("cold", cold, "boot the micro-VM instead of restoring its snapshot");
    table.list("output", 'o', outputs, "FILE", "write the replay's post-mortem; the ending picks the format");
    table.text("format", format, "NAME", "of standard output, instead of the comparison");
  }
};

base::Result<forensics::Incident> find_incident(const std::string& name, const ReplayOptions& options) {
  std::vector<forensics::Source> sources;
  auto opened = name == "-" ? base::Result<base::Fd>(base::Fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)))
                            : base::open_for_reading(name);
  if (!opened) {
    auto error = std::move(opened).error();
    error.kind = base::ErrorKind::usage;
    return std::unexpected(std::move(error));
  }
  sources.push_back({.name = name, .fd = *std::move(opened), .bytes = {}, .carrier = {}});
  TRY_ASSIGN(auto document, forensics::analyze(sources));
  std::erase_if(document.incidents, [](const auto& incident) { return incident.kind != "oom_kill"; });
  const auto wanted = static_cast<std::size_t>(options.incident.value_or(1));
  if (document.incidents.size() < wanted) {
    return base::fail(base::ErrorKind::usage,
                      document.incidents.empty()
                          ? fmt::format("{}: no OOM kill in it", base::escape_terminal(name))
                          : fmt::format("{}: {} OOM kill{} in it, number {} was asked for", base::escape_terminal(name),
                                        document.incidents.size(), document.incidents.size() == 1 ? "" : "s", wanted),
                      "oomlab analyze shows what is in it");
  }
  return std::move(document.incidents[wanted - 1]);
}

// A kernel of the log's series, if there is one: "6.1.0-18-amd64" and "6.1.0-56-cloud-amd64" are near relatives.
std::optional<std::string> kernel_like(const forensics::Incident& incident) {
  const auto release = incident.kernel.release.value_or("");
  const auto second = release.find('.', release.find('.') + 1);
  const auto series = second == std::string::npos ? "" : release.substr(0, second + 1);
  for (const auto& kernel : ::vm::availability().kernels) {
    if (!series.empty() && kernel.starts_with(series)) {
      return kernel;
    }
  }
  return std::nullopt;
}

std::string table_of(const std::vector<cli::replay::Compared>& compared, const cli::replay::Plan& plan,
                     const scenario::Findings& findings) {
  std::size_t width = 10;
  for (const auto& row : compared) {
    width = std::max(width, base::escape_terminal(row.original).size());
  }
  auto out = fmt::format("{:<14}  {:<{}}  {}\n", "", "IN THE LOG", width, "AGAIN");
  for (const auto& row : compared) {
    const char* word = row.same      ? (row.original == row.again ? "" : "  (as large)")
                       : row.matters ? "  <- different"
                                     : "  (by chance)";
    out += fmt::format("{:<14}  {:<{}}  {}{}\n", row.what, base::escape_terminal(row.original), width,
                       base::escape_terminal(row.again), word);
  }
  out += fmt::format("kernel {}, sizes at {:.4g} %\n", base::escape_terminal(findings.kernel), plan.scale * 100);
  for (const auto& remark : plan.remarks) {
    out += fmt::format("note: {}\n", base::escape_terminal(remark));
  }
  return out;
}

// The scenario in a guest, by the same way as `scenario run`.
base::Result<scenario::Findings> run_plan(const scenario::Scenario& scenario, const ReplayOptions& options,
                                          std::optional<std::string> kernel, bool& interrupted) {
  const std::vector<scenario::Job> jobs{{.scenario = &scenario, .kernel = std::move(kernel)}};
  TRY_ASSIGN(auto crew, scenario::Crew::create(jobs, {.cold = options.cold, .progress = ::isatty(STDERR_FILENO) == 1}));
  auto judged = crew.run();
  interrupted = crew.interrupted();
  TRY_ASSIGN(auto judgements, std::move(judged));
  if (judgements.empty() || judgements.front().outcome() == "error") {
    return base::fail(base::ErrorKind::syscall, judgements.empty()
                                                    ? "interrupted"
                                                    : judgements.front().findings.reason.value_or("it did not run"));
  }
  auto& findings = judgements.front().findings;
  if (findings.verdict == "skipped") {
    return base::fail(base::ErrorKind::unsupported, findings.reason.value_or("this machine cannot"));
  }
  return std::move(findings);
}

int replay_incident(const std::string& name, const forensics::Incident& incident, const ReplayOptions& options) {
  auto outputs = check_outputs(options.outputs, options.format, "");
  const auto plan =
      outputs ? cli::replay::make_plan(incident, {.scale = options.scale}) : std::unexpected(outputs.error());
  if (!plan) {
    return report(plan.error());
  }
  if (options.save) {
    if (auto written = base::write_file_atomic(*options.save, plan->scenario); !written) {
      return report({.kind = base::ErrorKind::usage, .message = written.error().message, .remedy = {}});
    }
  }
  if (options.dry_run) {
    return print(plan->scenario);
  }
  const auto made = scenario::read_scenario(plan->scenario, "the scenario of the report");
  bool interrupted = false;
  const auto found =
      made ? run_plan(*made, options, options.kernel ? options.kernel : kernel_like(incident), interrupted)
           : std::unexpected(made.error());
  if (interrupted) {
    return kExitInterrupted;
  }
  if (!found) {
    return report(found.error());
  }
  const auto compared = cli::replay::compare(incident, *plan, *found);
  if (auto written = write_document(cli::replay::to_postmortem(*found, compared, name), *outputs); !written) {
    (void)report(written.error());
    return kExitOwnFailure;
  }
  if (!options.format) {
    (void)print(table_of(compared, *plan, *found));
  }
  return cli::replay::is_same(compared) ? 0 : 1;
}

int replay_command(const Invocation& invocation) {
  Options table;
  ReplayOptions options;
  options.bind(table);
  const auto parsed = table.parse(invocation.name, replay, invocation.arguments);
  if (!parsed || parsed->done) {
    return parsed ? 0 : report(parsed.error());
  }
  auto words = parsed->words;
  words.insert(words.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());
  if (words.size() != 1) {
    return report({.kind = base::ErrorKind::usage,
                   .message = words.empty() ? "replay: no log given" : "replay: one log at a time",
                   .remedy = "oomlab replay kern.log"});
  }
  const auto incident = find_incident(words.front(), options);
  return incident ? replay_incident(words.front(), *incident, options) : report(incident.error());
}

}  // namespace

constinit const Command replay{
    .summary = "does the kill of a kernel log again, in the micro-VM, and compares",
    .usage = "LOG [--incident N] [--scale N%] [--kernel NAME] [-o FILE]...",
    .details =
        "The report becomes a scenario: the same limit, tasks with their sizes, kinds of memory and oom_score_adj, "
        "swap, "
        "group setting; sizes are scaled down where no guest can hold them. Compared are scope, whose limit, victim "
        "(any of those as large as it), whether its group went with it, and what filled it; the comparison is in the "
        "post-mortem as the run's expectation. - is standard input.\n\n"
        "Exit status: 0 the same, 1 something is different, 2 usage or a report that says too little, 3 no "
        "micro-VM, 130 after Ctrl-C.\n\n"
        "Examples:\n"
        "  oomlab replay kern.log\n"
        "  oomlab replay kern.log --incident 3 --kernel 6.1 -o again.html\n"
        "  oomlab replay kern.log --dry-run > mine.json; oomlab scenario run mine.json",
    .run = replay_command,
};

}  // namespace cli::commands

#include "cli/scenario/scenario.h"

#include <unistd.h>

#include <algorithm>
#include <thread>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/backend.h"
#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/report.h"
#include "cli/scenario/crew.h"
#include "cli/scenario/expectation.h"
#include "cli/scenario/library.h"
#include "cli/scenario/results.h"
#include "cli/scenario/targets.h"
#include "cli/wrap.h"

namespace cli::commands {

extern const Command scenario;

namespace {

// Within this file: the folder's namespace, beside this command of its name.
namespace lab = cli::scenario;

constexpr std::int64_t kMostJobs = 64;

struct ScenarioOptions {
  std::vector<std::string> kernels, outputs;
  std::string backend = "auto";
  std::string format = "text";
  std::optional<std::int64_t> jobs;
  bool cold = false, all = false, quiet = false;

  void bind(Options& table) {
    table.group("run");
    table.list("kernel", 0, kernels, "NAME|PATH", "the micro-VM's kernel; given several times: on each");
    table.choice("backend", backend, {"auto", "host", "vm"},
                 "the micro-VM (default), or here what needs no machine of its own");
    table.integer("jobs", jobs, 1, kMostJobs, "scenarios at once (default 2 in the micro-VM, 1 here)");
    table.flag("cold", cold, "boot the micro-VM instead of restoring its snapshot");
    table.group("run and judge");
    table.list(
        "output", 'o', outputs, "FILE",
        "write the results; the ending picks the format (.json .xml .txt), - is standard output; may be repeated");
    table.choice("format", format, {"text", "json", "junit"}, "of standard output");
    table.flag("all", all, "show the expectations that were met, too");
    table.flag("quiet", quiet, "nothing on standard output without -o -, no progress");
  }
};

base::Error usage_error(std::string message, std::string remedy = "oomlab scenario --help says more") {
  return {.kind = base::ErrorKind::usage, .message = std::move(message), .remedy = std::move(remedy)};
}

// --- list, show, check, schema

int list_scenarios() {
  std::size_t width = 0;
  for (const auto& file : lab::library()) {
    width = std::max(width, file.name.size());
  }
  std::string out;
  for (const auto& file : lab::library()) {
    const auto read = lab::read_scenario(file.text, file.name);
    const auto about = read ? read->about : read.error().message;
    out += fmt::format("{:<{}}  {}\n", file.name, width, wrap(about, width + 2, columns(STDOUT_FILENO)));
  }
  return print(out);
}

// A valid file again, with what it teaches as a comment on top.
int show_scenario(const std::string& word) {
  const auto place = lab::find_place(word);
  if (!place) {
    return report(place.error());
  }
  const auto read = lab::read_scenario(place->text, place->shown);
  if (!read) {
    return report(read.error());
  }
  std::string teaches = wrap(read->teaches, 3, 100);
  for (auto at = teaches.find("\n   "); at != std::string::npos; at = teaches.find("\n   ", at + 3)) {
    teaches.replace(at, 4, "\n// ");
  }
  return print(fmt::format("// What it teaches\n// {}\n{}", teaches, place->text));
}

std::string count_of(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

int check_scenarios(const std::vector<std::string>& words) {
  int status = 0;
  for (const auto& word : words) {
    const auto place = lab::find_place(word);
    const auto read = place ? lab::read_scenario(place->text, place->shown) : std::unexpected(place.error());
    if (!read) {
      status = report(read.error());
      continue;
    }
    (void)print(fmt::format("{}: {}, {}, {}{}\n", base::escape_terminal(word), count_of(read->groups.size(), "group"),
                            count_of(read->tasks.size(), "task"), count_of(read->checks.size(), "expectation"),
                            read->is_for_vm() ? ", for the micro-VM only" : ""));
  }
  return status;
}

// --- results

int finish(const std::vector<lab::Judgement>& judgements, const std::vector<lab::Target>& targets,
           const ScenarioOptions& options) {
  const int written = lab::write_results(judgements, targets, options.all);
  return written != 0 ? written : lab::exit_status(judgements);
}

// --- run

base::Result<std::vector<lab::Scenario>> read_all(const std::vector<std::string>& words) {
  std::vector<lab::Scenario> scenarios;
  std::vector<std::string> names;
  for (const auto& word : words) {
    if (word == "all") {
      const auto library = lab::library_names();
      names.insert(names.end(), library.begin(), library.end());
    } else {
      names.push_back(word);
    }
  }
  for (const auto& name : names) {
    TRY_ASSIGN(const auto place, lab::find_place(name));
    TRY_ASSIGN(auto read, lab::read_scenario(place.text, place.shown));
    scenarios.push_back(std::move(read));
  }
  return scenarios;
}

// `auto` is the micro-VM: scenarios are about kernels, and a machine of its own is what most of them need.
base::Result<lab::CrewOptions> settle(const ScenarioOptions& options, const Invocation& invocation) {
  lab::CrewOptions settled{.cold = options.cold, .progress = !options.quiet && ::isatty(STDERR_FILENO) == 1};
  if (options.backend == "host" && (!options.kernels.empty() || options.cold)) {
    return std::unexpected(
        usage_error("--kernel and --cold are of the micro-VM, --backend is host", "leave out --backend host"));
  }
  TRY_ASSIGN(const auto choice, choose_backend(options.backend == "auto" ? "vm" : options.backend, invocation));
  settled.on_host = choice.backend == Backend::host;
  settled.jobs = static_cast<unsigned>(
      options.jobs.value_or(settled.on_host ? 1 : std::clamp<std::int64_t>(std::thread::hardware_concurrency(), 1, 2)));
  return settled;
}

int run_scenarios(const std::vector<std::string>& words, const ScenarioOptions& options, const Invocation& invocation) {
  const auto scenarios = read_all(words);
  if (!scenarios) {
    return report(scenarios.error());
  }
  const auto targets = lab::check_targets(options.outputs, options.quiet ? "" : options.format);
  if (!targets) {
    return report(targets.error());
  }
  const auto settled = settle(options, invocation);
  if (!settled) {
    return report(settled.error());
  }
  std::vector<lab::Job> jobs;
  const std::vector<std::optional<std::string>> none{std::nullopt};
  const std::vector<std::optional<std::string>> named(options.kernels.begin(), options.kernels.end());
  for (const auto& kernel : named.empty() ? none : named) {
    for (const auto& scenario : *scenarios) {
      jobs.push_back({.scenario = &scenario, .kernel = kernel});
    }
  }
  auto crew = lab::Crew::create(jobs, *settled);
  if (!crew) {
    return report(crew.error());
  }
  const auto judgements = crew->run();
  if (!judgements) {
    return report(judgements.error());
  }
  const int status = finish(*judgements, *targets, options);
  return crew->interrupted() ? 130 : status;
}

// --- judge

int judge_results(const std::vector<std::string>& words, const ScenarioOptions& options) {
  if (words.empty()) {
    return report(usage_error("scenario judge: expected a result (RESULT.json of `scenario run`)"));
  }
  const auto text = base::read_all(words.front());
  if (!text) {
    return report({.kind = base::ErrorKind::usage, .message = text.error().message, .remedy = {}});
  }
  auto kept = lab::from_json(*text);
  if (!kept) {
    return report(std::move(kept).error().context(base::escape_terminal(words.front())));
  }
  const auto others = read_all({words.begin() + 1, words.end()});
  if (!others) {
    return report(others.error());
  }
  const auto targets = lab::check_targets(options.outputs, options.quiet ? "" : options.format);
  if (!targets) {
    return report(targets.error());
  }
  std::vector<lab::Judgement> judgements;
  for (auto& result : *kept) {
    const auto other = std::ranges::find(*others, result.findings.scenario, &lab::Scenario::name);
    auto own = lab::read_scenario(result.definition, words.front() + ", definition");
    if (other == others->end() && !own) {
      return report(own.error());
    }
    judgements.push_back(lab::judge(other == others->end() ? *own : *other, std::move(result.findings), result.kernel));
  }
  return finish(judgements, *targets, options);
}

int dispatch(const std::string& verb, const std::vector<std::string>& words, const ScenarioOptions& options,
             const Invocation& invocation) {
  const std::vector<std::string> verbs{"run", "list", "show", "check", "judge", "schema"};
  const bool takes_words = verb == "run" || verb == "show" || verb == "check" || verb == "judge";
  if (std::ranges::find(verbs, verb) == verbs.end()) {
    const auto near = nearest(verb, verbs);
    return report(
        usage_error(verb.empty() ? "scenario: expected run, list, show, check, judge or schema"
                                 : fmt::format("scenario: '{}' is not one of run, list, show, check, judge, "
                                               "schema",
                                               base::escape_terminal(verb)),
                    near.empty() ? "oomlab scenario --help says more" : fmt::format("did you mean {}?", near)));
  }
  if (takes_words == words.empty()) {
    return report(usage_error(
        takes_words ? fmt::format("scenario {}: expected a name of the library or a file", verb)
                    : fmt::format("scenario {}: unexpected '{}'", verb, base::escape_terminal(words.front()))));
  }
  if (verb == "list") {
    return list_scenarios();
  }
  if (verb == "schema") {
    return print(lab::scenario_schema());
  }
  if (verb == "check") {
    return check_scenarios(words);
  }
  if (verb == "judge") {
    return judge_results(words, options);
  }
  if (verb == "show") {
    return words.size() == 1 ? show_scenario(words.front())
                             : report(usage_error("scenario show: one scenario at a time"));
  }
  return run_scenarios(words, options, invocation);
}

int scenario_command(const Invocation& invocation) {
  Options table;
  ScenarioOptions options;
  options.bind(table);
  auto arguments = invocation.arguments;
  std::string verb;
  if (!arguments.empty() && !arguments.front().starts_with('-')) {
    verb = arguments.front();
    arguments.erase(arguments.begin());
  }
  for (const auto& name : lab::library_names()) {
    table.offer(name, "scenario of the library");
  }
  const auto parsed = table.parse(invocation.name, scenario, arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  auto words = parsed->words;
  words.insert(words.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());
  return dispatch(verb, words, options, invocation);
}

}  // namespace

constinit const Command scenario{
    .summary = "several workloads in several cgroups, with an order and expectations",
    .usage = "run NAME|FILE...|all | list | show NAME|FILE | check FILE... | judge RESULT.json [FILE...] | schema",
    .details =
        R"(  run     runs scenarios of the library, or files, each in a fresh micro-VM, and holds what was seen against
          what is expected
  list    the library
  show    a scenario's file: JSON with comments, a good start for one of your own
  check   reads files without running them
  judge   holds a kept result against its expectations again, or against those of the FILEs
  schema  prints the JSON Schema of the format; docs/scenarios.md explains it

Exit status of run and judge: 0 all expectations are met, 1 some are not, 2 usage, 3 this machine cannot.

Examples:
  oomlab scenario run victim-choice
  oomlab scenario run all --kernel 6.1 --kernel 6.12 -o results.json -o junit.xml
  oomlab scenario show sibling-victim > mine.json
  oomlab scenario run mine.json --all)",
    .run = scenario_command,
};

}  // namespace cli::commands

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/in_place.h"
#include "cli/meter.h"
#include "cli/report.h"
#include "cli/run_options.h"
#include "stress/workload.h"

namespace cli::commands {

extern const Command stress;

namespace {

std::string_view metavar_of(const ::stress::Parameter& parameter) {
  using Kind = ::stress::ParameterKind;
  switch (parameter.kind) {
    case Kind::size:
      return "SIZE";
    case Kind::rate:
      return "SIZE/s";
    case Kind::duration:
      return "TIME";
    case Kind::hold:
      return "TIME|forever";
    case Kind::choice:
      return parameter.words;
    case Kind::count:
    case Kind::percent:
      return "N";
    case Kind::text:
      return "TEXT";
    case Kind::flag:
      return "yes|no";
  }
  return "VALUE";
}

void bind_parameters(Options& table, const base::Descriptor<::stress::Workload>& workload,
                     std::map<std::string, std::string>& given) {
  table.group(fmt::format("Options of {}", workload.name));
  for (const auto& parameter : workload->parameters) {
    const auto shown_default =
        parameter.default_value.empty() ? std::string() : fmt::format(" (default {})", parameter.default_value);
    table.value(parameter.name, 0, metavar_of(parameter), fmt::format("{}{}", parameter.help, shown_default),
                [&given, name = std::string(parameter.name)](std::string_view text) {
                  given[name] = text;
                  return base::Result<>{};
                });
  }
}

// Growth without an end needs something that ends it.
base::Result<> refuse_endless(const RunOptions& options, const ::stress::Workload& workload,
                              const ::stress::Parameters& parameters) {
  const auto& max = options.experiment.limits.memory_max;
  const bool limited = max && max->bytes;
  const bool has_size =
      std::ranges::find(workload.parameters, "size", &::stress::Parameter::name) != workload.parameters.end();
  if (!limited && has_size && !parameters.has("size") && options.backend != "vm") {
    return base::fail(base::ErrorKind::usage, "neither --memory-max nor --size: that would fill the whole machine",
                      "give one of them, or --backend vm for a global OOM kill in the guest");
  }
  return {};
}

bool needs(const ::stress::Workload& workload, ::stress::Need need) {
  return std::ranges::find(workload.needed, need) != workload.needed.end();
}

// What the workload needs and we can provide; what only the user can is asked for.
base::Result<> provide(const base::Descriptor<::stress::Workload>& given, const ::stress::Parameters& parameters,
                       RunOptions& options) {
  constexpr std::uint64_t kDisk = 1ULL << 30;
  const auto& workload = given->stands_for == nullptr ? given : *given->stands_for(parameters);
  const auto& swap = options.experiment.limits.swap_max;
  if (needs(*workload.value, ::stress::Need::swap) && (!swap || swap->bytes == 0)) {
    return base::fail(base::ErrorKind::usage, fmt::format("{} needs swap", workload.name),
                      "give --swap-max SIZE; the micro-VM makes that much");
  }
  if (needs(*workload.value, ::stress::Need::guest)) {
    if (options.backend == "host" || options.backend == "none") {
      return base::fail(base::ErrorKind::usage, fmt::format("{} is for a machine of its own", workload.name),
                        "--backend vm");
    }
    options.backend = "vm";
  }
  if (needs(*workload.value, ::stress::Need::disk) && !options.guest.disk_bytes) {
    options.guest.disk_bytes = kDisk;
  }
  return {};
}

// More than the limits allow, with room for what else the child holds: a fill that gets that far is not limited.
std::uint64_t cap_bytes(const cgroup::Limits& limits) {
  if (!limits.memory_max || !limits.memory_max->bytes || (limits.swap_max && !limits.swap_max->bytes)) {
    return 0;
  }
  return cap_above(*limits.memory_max->bytes, limits.swap_max ? *limits.swap_max->bytes : 0);
}

// --backend none: no group of ours, so none of what needs one.
base::Result<> refuse_without_group(const RunOptions& options) {
  const auto& limits = options.experiment.limits;
  const bool limited = limits.memory_max || limits.memory_high || limits.memory_min || limits.memory_low ||
                       limits.swap_max || limits.zswap_max || limits.pids_max || limits.oom_group ||
                       options.experiment.oom_score_adj || options.experiment.shm_bytes;
  if (limited || !options.outputs.empty() || options.format || !options.expect.empty() || options.experiment.timeout) {
    return base::fail(base::ErrorKind::usage,
                      "--backend none makes no cgroup and starts nothing: it takes no limits, no --expect, no "
                      "--timeout, and writes no "
                      "post-mortem",
                      "the container's own are in force; `oomlab watch` beside it writes the post-mortem");
  }
  return {};
}

int run_without_group(const RunOptions& options, const base::Descriptor<::stress::Workload>& workload,
                      ::stress::Parameters parameters) {
  if (auto allowed = refuse_without_group(options); !allowed) {
    return report(allowed.error());
  }
  const auto cap = cap_in_place(parameters);
  if (!cap) {
    return report(cap.error());
  }
  return run_in_place(workload, {.parameters = std::move(parameters), .cap_bytes = *cap, .meter = own_meter()});
}

int run_workload(const Invocation& invocation, const base::Descriptor<::stress::Workload>& workload) {
  RunOptions options;
  Options table;
  std::map<std::string, std::string> given;
  options.bind(table, RunOptions::MayBeBare::yes);
  table.group("Measuring");
  table.flag(
      "no-limit", options.no_limit,
      "on this machine without any cgroup, to see how fast it fills; needs --size, at most half of what is free");
  bind_parameters(table, workload, given);
  const auto parsed = table.parse(fmt::format("{} {}", invocation.name, workload.name), stress,
                                  {invocation.arguments.begin() + 1, invocation.arguments.end()});
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (!parsed->words.empty() || parsed->has_dashes) {
    return report({.kind = base::ErrorKind::usage,
                   .message = fmt::format("'{}': a workload takes options only",
                                          parsed->words.empty() ? "--" : base::escape_terminal(parsed->words[0])),
                   .remedy = "`oomlab run -- CMD` runs a command"});
  }
  auto parameters = ::stress::Parameters::check(workload->parameters, given);
  if (!parameters) {
    return report(parameters.error());
  }
  if (auto settled = options.settle(); !settled) {
    return report(settled.error());
  }
  if (options.backend == "none") {
    return run_without_group(options, workload, *std::move(parameters));
  }
  if (parameters->has("size")) {
    options.workload_size_bytes = parameters->size("size");
  }
  if (auto bounded = refuse_endless(options, *workload.value, *parameters); !bounded) {
    return report(bounded.error());
  }
  if (auto provided = provide(workload, *parameters, options); !provided) {
    return report(provided.error());
  }
  auto& experiment = options.experiment;
  auto& chosen = experiment.workload.emplace();
  chosen.name = workload.name;
  experiment.command = {"/proc/self/exe", "workload", std::string(workload.name),
                        fmt::format("--cap={}", cap_bytes(experiment.limits))};
  for (const auto& [name, value] : parameters->all()) {
    chosen.parameters.emplace_back(name, value);
    experiment.command.push_back(fmt::format("--{}={}", name, value));
  }
  return perform(invocation, options, TextTo::standard_output);
}

// Without a workload there is only help to be had, and completions.
int without_workload(const Invocation& invocation) {
  Options table;
  RunOptions options;
  options.bind(table);
  for (const auto& workload : ::stress::all_workloads()) {
    table.offer(workload.name, workload->summary);
  }
  const auto parsed = table.parse(invocation.name, stress, invocation.arguments);
  if (parsed && parsed->done) {
    return 0;
  }
  const auto message = invocation.arguments.empty() ? std::string("no workload given")
                                                    : fmt::format("{}: the workload's name comes first",
                                                                  base::escape_terminal(invocation.arguments.front()));
  return report({.kind = base::ErrorKind::usage,
                 .message = message,
                 .remedy = "oomlab stress anon --memory-max 64M; `oomlab list` shows them all"});
}

int stress_command(const Invocation& invocation) {
  const auto table = ::stress::all_workloads();
  if (invocation.arguments.empty() || invocation.arguments.front().starts_with("-")) {
    return without_workload(invocation);
  }
  const auto& word = invocation.arguments.front();
  if (const auto* workload = base::find_descriptor(table, word)) {
    return run_workload(invocation, *workload);
  }
  std::string names;
  for (const auto& row : table) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", row.name);
  }
  return report({.kind = base::ErrorKind::usage,
                 .message = fmt::format("'{}' is not a workload", base::escape_terminal(word)),
                 .remedy = fmt::format("one of: {}", names)});
}

}  // namespace

constinit const Command stress{
    .summary = "the same with a built-in workload that fills memory on purpose",
    .usage = "WORKLOAD [limits] [workload options] [-o FILE]...",
    .details =
        "The post-mortem goes to standard output as text unless -o or --format says otherwise. Exit status: 137 after "
        "an OOM kill; with --expect oom 0.\n\n"
        "Examples:\n"
        "  oomlab stress anon --memory-max 64M                      fill until the kernel kills it, and explain the "
        "kill\n"
        "  oomlab stress anon --memory-max 64M --rate 20M/s         the same, growing slowly\n"
        "  oomlab stress tmpfs --memory-max 64M --backend vm --kernel 6.1 -o p.json\n"
        "  oomlab stress anon --backend vm                          no limit: the guest's own global OOM kill\n"
        "  docker run -m 64m oomlab stress anon --backend none      fills the container that it is in",
    .run = stress_command,
};

}  // namespace cli::commands

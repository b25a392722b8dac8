#include "cli/vm_backend.h"

#include <unistd.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <ranges>

#include <fmt/format.h>

#include "base/bytes.h"
#include "cli/experiment_arguments.h"
#include "cli/report.h"
#include "forensics/analysis.h"
#include "forensics/analyze.h"
#include "forensics/json.h"
#include "vm/vm.h"

// NOLINTNEXTLINE(readability-redundant-declaration,cppcoreguidelines-avoid-non-const-global-variables): environ(7)
extern char** environ;

namespace cli {
namespace {

constexpr std::uint64_t kSmallestGuest = 512ULL << 20;
constexpr std::uint64_t kGuestSystem = 192ULL << 20;  // kernel, agent, initramfs
constexpr const char* kDocument = "/run/oomlab-postmortem.json";
constexpr std::size_t kConsoleTailLines = 40;
constexpr std::size_t kPanicTailLines = 120;

std::uint64_t bytes_of(const std::optional<cgroup::Limit>& limit) {
  return limit && limit->bytes ? *limit->bytes : 0;
}

vm::Request make_request(const Experiment& experiment, const GuestOptions& guest) {
  vm::Request request;
  request.argv = {"oomlab", "experiment", fmt::format("--output={}", kDocument)};
  const auto arguments = to_arguments(experiment);
  request.argv.insert(request.argv.end(), arguments.begin(), arguments.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    request.environment.emplace_back(*variable);
  }
  request.kernel = guest.kernel;
  request.memory_bytes = guest.memory_bytes.value_or(guest_memory_for(experiment.limits));
  request.swap_bytes = bytes_of(experiment.limits.swap_max);
  request.disk_bytes = guest.disk_bytes.value_or(0);
  request.sysctls = guest.sysctls;
  request.fetch = {kDocument};
  request.boot = guest.cold ? vm::Boot::cold : vm::Boot::automatic;
  request.say = [](const std::string& text) { say(text); };
  if (experiment.timeout) {
    // The guest keeps the time; this is for a guest that no longer can.
    request.timeout = std::chrono::ceil<std::chrono::seconds>(*experiment.timeout) + std::chrono::seconds(30);
  }
  return request;
}

std::vector<std::string> tail_of(const std::string& console) {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  while (begin < console.size()) {
    const auto end = std::min(console.find('\n', begin), console.size());
    auto line = console.substr(begin, end - begin);
    std::erase(line, '\r');
    if (!line.empty()) {
      lines.push_back(std::move(line));
    }
    begin = end + 1;
  }
  // From the panic's own words on, if they are not too far back; else the last lines.
  const auto backwards = std::views::reverse(lines);
  const auto panic = std::ranges::find_if(
      backwards, [](const auto& line) { return line.find("Kernel panic - not syncing") != std::string::npos; });
  const auto from_panic = panic == backwards.end() ? 0 : static_cast<std::size_t>(panic - backwards.begin()) + 1;
  const auto kept =
      from_panic != 0 && from_panic <= kPanicTailLines ? from_panic : std::min(lines.size(), kConsoleTailLines);
  lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(kept));
  return lines;
}

// The document of a guest that did not live to write one: what its console shows.
base::Result<forensics::Postmortem> document_from_console(const Experiment& experiment, const vm::Reply& reply) {
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "guest console", .bytes = reply.console, .carrier = "console"});
  TRY_ASSIGN(auto document, forensics::analyze(sources));
  auto& run = document.run.emplace();
  run.workload = experiment.workload;
  if (!experiment.workload) {
    run.command = experiment.command;
  }
  if (!experiment.faults.empty()) {
    run.faults = experiment.faults;
  }
  run.limits.memory_max_bytes = experiment.limits.memory_max ? experiment.limits.memory_max->bytes : std::nullopt;
  run.limits.memory_swap_max_bytes = experiment.limits.swap_max ? experiment.limits.swap_max->bytes : std::nullopt;
  run.outcome.verdict = reply.hung ? "timed_out" : "failed";
  run.outcome.reason = reply.hung ? "the guest stopped answering" : "the guest's kernel panicked";
  run.outcome.evidence = {"console"};
  return document;
}

}  // namespace

std::uint64_t guest_memory_for(const cgroup::Limits& limits) {
  const std::uint64_t limit = bytes_of(limits.memory_max);
  const std::uint64_t wanted = limit + limit / 4 + bytes_of(limits.swap_max) + kGuestSystem;
  return std::max(kSmallestGuest, std::bit_ceil(wanted));
}

base::Result<forensics::Postmortem> run_in_vm(Experiment experiment, const GuestOptions& guest) {
  experiment.in_guest = true;
  if (!experiment.workload) {
    std::error_code ignored;
    experiment.root = vm::kHostRoot;
    experiment.working_folder = std::filesystem::current_path(ignored).native();
    experiment.uid = ::geteuid();
    experiment.gid = ::getegid();
  }
  const auto request = make_request(experiment, guest);
  const auto start = std::chrono::steady_clock::now();
  TRY_ASSIGN(auto reply, vm::run(request));

  base::Result<forensics::Postmortem> document;
  if (reply.panicked || reply.hung || reply.files.empty()) {
    if (!reply.panicked && !reply.hung) {
      // The guest's oomlab refused: it has said why on stderr, and its status says what kind of refusal it is.
      const auto code = reply.status.exit_code.value_or(kExitOwnFailure);
      return base::fail(code == kExitCannot  ? base::ErrorKind::unsupported
                        : code == kExitUsage ? base::ErrorKind::usage
                                             : base::ErrorKind::syscall,
                        "the guest did not run it");
    }
    document = document_from_console(experiment, reply);
  } else {
    document = forensics::from_json(reply.files.front().second);
  }
  if (!document) {
    return std::unexpected(std::move(document).error().context("the guest's document"));
  }
  auto& run = *document->run;
  run.backend = "vm";
  run.kernel = reply.kernel;
  run.vm = forensics::Vm{.accelerator = reply.accelerator,
                         .boot = reply.boot,
                         .memory_bytes = request.memory_bytes,
                         .lab_failures = reply.lab_failures};
  if (reply.panicked || reply.hung) {
    run.duration_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();  // with the guest's boot
    run.vm->console_tail = tail_of(reply.console);
  }
  return document;
}

}  // namespace cli

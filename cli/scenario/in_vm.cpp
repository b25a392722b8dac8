#include "cli/scenario/in_vm.h"

#include <unistd.h>

#include <filesystem>

#include <fmt/format.h>

#include "cli/report.h"
#include "cli/supervisor.h"
#include "forensics/analyze.h"
#include "vm/vm.h"

namespace cli::scenario {
namespace {

constexpr const char* kFindings = "/run/oomlab-findings.json";
constexpr std::uint64_t kGuestBytes = 512ULL << 20;
constexpr std::chrono::seconds kPatience{60};  // beyond the scenario's own time-out, for a guest that cannot keep it

vm::Request request_for(const Scenario& scenario, const Guest& guest) {
  vm::Request request;
  std::error_code ignored;
  const auto folder = std::filesystem::current_path(ignored).native();
  request.argv = {"oomlab",
                  "conduct",
                  "--in-guest",
                  fmt::format("--output={}", kFindings),
                  fmt::format("--scenario={}", scenario.definition),
                  fmt::format("--root={}", vm::kHostRoot),
                  fmt::format("--working-folder={}", folder.empty() ? "/" : folder),
                  fmt::format("--uid={}", ::geteuid()),
                  fmt::format("--gid={}", ::getegid())};
  request.environment = command_environment();
  request.kernel = guest.kernel;
  request.memory_bytes = scenario.needs.memory_bytes.value_or(kGuestBytes);
  request.swap_bytes = scenario.needs.swap_bytes.value_or(0);
  request.disk_bytes = scenario.needs.disk_bytes.value_or(0);
  request.sysctls = scenario.needs.sysctls;
  request.fetch = {kFindings};
  request.stdin_fd = -1;
  request.stdout_fd = STDERR_FILENO;  // standard output is for results
  request.boot = guest.cold ? vm::Boot::cold : vm::Boot::automatic;
  request.say = [](const std::string& text) { say(text); };
  request.timeout = std::chrono::ceil<std::chrono::seconds>(scenario.timeout) + kPatience;
  return request;
}

// Of a guest that did not live to write them: what its console shows.
base::Result<Findings> findings_from_console(const Scenario& scenario, const vm::Reply& reply) {
  Findings findings{.scenario = scenario.name, .verdict = reply.hung ? "hung" : "panicked"};
  findings.reason = reply.hung ? "the guest stopped answering" : "the guest's kernel panicked";
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "guest console", .bytes = reply.console, .carrier = "console"});
  TRY_ASSIGN(findings.postmortem, forensics::analyze(sources));
  return findings;
}

}  // namespace

base::Result<Findings> conduct_in_vm(const Scenario& scenario, const Guest& guest) {
  TRY_ASSIGN(const auto reply, vm::run(request_for(scenario, guest)));
  base::Result<Findings> findings;
  if (reply.panicked || reply.hung) {
    findings = findings_from_console(scenario, reply);
  } else if (reply.files.empty()) {
    return base::fail(base::ErrorKind::syscall,
                      fmt::format("the guest's oomlab ended with exit {} and no findings", reply.status.shell_code()));
  } else {
    findings = findings_from_json(reply.files.front().second);
  }
  if (!findings) {
    return std::unexpected(std::move(findings).error().context("the guest"));
  }
  findings->backend = "vm";
  findings->kernel = reply.kernel;
  return findings;
}

}  // namespace cli::scenario

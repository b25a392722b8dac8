// One scenario in a process of its own: the worker of `scenario run`, and the guest's side of it. Its findings go to a
// file, also those of a scenario that this machine cannot run.
#include <cstdlib>

#include "base/file.h"
#include "cgroup/delegation.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/scenario/in_vm.h"
#include "cli/scenario/scenario.h"
#include "cli/scenario/stage.h"

namespace cli::commands {

extern const Command conduct;

namespace {

struct Words {
  std::optional<std::string> scenario, output;
  std::string backend = "host";
  scenario::Guest guest;
  scenario::Stage stage;
  std::optional<std::int64_t> uid, gid;

  void bind(Options& table) {
    table.text("scenario", scenario, "JSON", "the scenario itself");
    table.text("output", output, "FILE", "where the findings go");
    table.choice("backend", backend, {"host", "vm"}, "where it is run");
    table.text("kernel", guest.kernel, "NAME|PATH", "of the micro-VM");
    table.flag("cold", guest.cold, "boot the micro-VM instead of restoring its snapshot");
    table.flag("in-guest", stage.in_guest, "the machine is a guest");
    table.text("root", stage.root, "DIR", "chroot of the commands");
    table.text("working-folder", stage.working_folder, "DIR", "inside root");
    table.integer("uid", uid, 0, UINT32_MAX, "of the commands");
    table.integer("gid", gid, 0, UINT32_MAX, "of the commands");
  }
};

base::Result<scenario::Findings> find(const scenario::Scenario& scenario, Words& words) {
  if (words.backend == "vm") {
    return scenario::conduct_in_vm(scenario, words.guest);
  }
  TRY_ASSIGN(const auto hierarchy, cgroup::find_own_hierarchy());
  words.stage.delegation = cgroup::find_delegation(hierarchy);
  if (words.uid) {
    words.stage.uid = static_cast<uid_t>(*words.uid);
  }
  if (words.gid) {
    words.stage.gid = static_cast<gid_t>(*words.gid);
  }
  return scenario::conduct(scenario, words.stage);
}

int conduct_command(const Invocation& invocation) {
  Options table;
  Words words;
  words.bind(table);
  const auto parsed = table.parse(invocation.name, conduct, invocation.arguments);
  if (!parsed || parsed->done) {
    return parsed ? 0 : report(parsed.error());
  }
  if (!words.scenario || !words.output) {
    return report({.kind = base::ErrorKind::usage, .message = "conduct: needs --scenario and --output"});
  }
  const auto scenario = scenario::read_scenario(*words.scenario, "the scenario");
  if (!scenario) {
    return report(scenario.error());
  }
  auto findings = find(*scenario, words);
  if (!findings) {
    const auto& error = findings.error();
    const bool cannot = error.kind == base::ErrorKind::unsupported || error.kind == base::ErrorKind::permission;
    findings = scenario::Findings{.scenario = scenario->name,
                                  .backend = words.backend,
                                  .verdict = cannot ? "skipped" : "error",
                                  .reason = error.remedy.empty() || words.stage.in_guest
                                                ? error.message
                                                : error.message + " (" + error.remedy + ")"};
  }
  if (auto written = base::write_file_atomic(*words.output, scenario::findings_to_json(*findings)); !written) {
    (void)report(written.error());
    return kExitOwnFailure;
  }
  return 0;
}

}  // namespace

constinit const Command conduct{
    .summary = "runs a scenario given as JSON (started by `scenario run`)",
    .usage = "--scenario JSON --output FILE [--in-guest | --backend vm [--kernel K]]",
    .details = {},
    .run = conduct_command,
    .hidden = true,
};

}  // namespace cli::commands

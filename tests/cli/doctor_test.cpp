#include <cerrno>
#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "cli/doctor/facts.h"
#include "cli/doctor/judge.h"
#include "cli/doctor/show.h"
#include "tests/support/case_name.h"

namespace cli::doctor {
namespace {

using testing::HasSubstr;

// A machine on which everything works.
Facts good_machine() {
  Facts facts;
  facts.kernel = "6.12.117 x86_64";
  facts.hierarchy.version = cgroup::Version::v2;
  facts.hierarchy.mount = "/sys/fs/cgroup";
  facts.controllers = {"cpu", "memory", "pids"};
  facts.delegation = {.access = cgroup::Access::direct, .parent = "/sys/fs/cgroup"};
  facts.memory_files =
      MemoryFiles{.peak = true, .peak_resettable = true, .swap_max = true, .oom_group = true, .cgroup_kill = true};
  facts.swap_total_bytes = 2ULL << 30;
  facts.swap_free_bytes = 1ULL << 30;
  facts.psi_errno = 0;
  facts.kmsg_errno = 0;
  facts.dmesg_restrict = 0;
  facts.panic_on_oom = 0;
  facts.oom_kill_allocating_task = 0;
  facts.oom_dump_tasks = 1;
  facts.overcommit_memory = 0;
  facts.vm = {.available = true,
              .qemu = "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64)",
              .accelerator = "kvm",
              .kernels = {"6.12.117", "6.1.0"}};
  facts.seccomp_filters = true;
  facts.landlock_abi = 3;
  return facts;
}

Finding item(const Facts& facts, std::string_view name) {
  for (const auto& finding : judge(facts)) {
    if (finding.item == name) {
      return finding;
    }
  }
  ADD_FAILURE() << "no item " << name;
  return {};
}

TEST(Doctor, AGoodMachineNeedsNothing) {
  for (const auto& finding : judge(good_machine())) {
    EXPECT_EQ(finding.state, State::ok) << finding.item;
    EXPECT_FALSE(finding.found.empty()) << finding.item;
    EXPECT_EQ(finding.remedy, "") << finding.item;
  }
}

TEST(Doctor, AMachineOfWhichNothingIsKnownIsJudgedAllTheSame) {
  const auto findings = judge(Facts{});
  EXPECT_EQ(findings.size(), judge(good_machine()).size());
  EXPECT_EQ(chosen_backend(Facts{}), std::nullopt);
}

struct ItemCase {
  std::string_view name, item;
  std::function<void(Facts&)> spoil;
  State state;
  std::string_view found, consequence, remedy;
};

class DoctorItem : public testing::TestWithParam<ItemCase> {};

TEST_P(DoctorItem, SaysWhatIsThereWhatItMeansAndTheWayOut) {
  Facts facts = good_machine();
  GetParam().spoil(facts);
  const auto finding = item(facts, GetParam().item);
  EXPECT_EQ(state_name(finding.state), state_name(GetParam().state));
  EXPECT_EQ(finding.found, GetParam().found);
  EXPECT_EQ(finding.consequence, GetParam().consequence);
  EXPECT_EQ(finding.remedy, GetParam().remedy);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DoctorItem,
    testing::Values(
        ItemCase{"v2", "cgroup", [](Facts&) {}, State::ok, "version 2 on /sys/fs/cgroup", "", ""},
        ItemCase{"in_a_namespace", "cgroup", [](Facts& f) { f.hierarchy.in_namespace = true; }, State::ok,
                 "version 2 on /sys/fs/cgroup, in a cgroup namespace", "", ""},
        ItemCase{"read_only", "cgroup", [](Facts& f) { f.hierarchy.read_only = true; }, State::limited,
                 "version 2 on /sys/fs/cgroup, read-only", "no cgroup can be made through this mount",
                 "give the container its cgroups: docker run --privileged --cgroupns private"},
        ItemCase{"hybrid", "cgroup", [](Facts& f) { f.hierarchy.version = cgroup::Version::hybrid; }, State::limited,
                 "hybrid: version 2 on /sys/fs/cgroup beside version 1",
                 "controllers that version 1 holds are not there for us", ""},
        ItemCase{"v1", "cgroup", [](Facts& f) { f.hierarchy.version = cgroup::Version::v1; }, State::missing,
                 "version 1 only", "no job on the host",
                 "boot with systemd.unified_cgroup_hierarchy=1 (systemd 243 or newer)"},
        ItemCase{"no_cgroups", "cgroup", [](Facts& f) { f.hierarchy.version = cgroup::Version::none; }, State::missing,
                 "no cgroup file system is mounted", "no job on the host", "mount -t cgroup2 none /sys/fs/cgroup"},
        ItemCase{"memory_there", "memory controller", [](Facts&) {}, State::ok, "there, beside cpu memory pids", "",
                 ""},
        ItemCase{"memory_on_v1", "memory controller",
                 [](Facts& f) {
                   f.controllers = {};
                   f.hierarchy.memory_on_v1 = true;
                 },
                 State::missing, "held by cgroup version 1", "no memory limit can be set on the host",
                 "boot with cgroup_no_v1=memory, or systemd.unified_cgroup_hierarchy=1"},
        ItemCase{
            "memory_not_delegated", "memory controller", [](Facts& f) { f.controllers = {"memoryless", "pids"}; },
            State::missing, "not in cgroup.controllers (memoryless pids)", "no memory limit can be set on the host",
            "take cgroup_disable=memory off the kernel's command line; in a container or a user's session: delegate "
            "memory"},
        ItemCase{
            "no_controllers", "memory controller", [](Facts& f) { f.controllers = {}; }, State::missing,
            "not in cgroup.controllers (empty)", "no memory limit can be set on the host",
            "take cgroup_disable=memory off the kernel's command line; in a container or a user's session: delegate "
            "memory"},
        ItemCase{"steps_aside", "delegation", [](Facts& f) { f.delegation.access = cgroup::Access::move_self; },
                 State::ok, "cgroups can be made in /sys/fs/cgroup, once oomlab has stepped aside", "", ""},
        ItemCase{"through_systemd", "delegation",
                 [](Facts& f) {
                   f.delegation = {.access = cgroup::Access::systemd_user,
                                   .reexec = {"systemd-run", "--user", "--scope"}};
                 },
                 State::ok, "through systemd: systemd-run --user --scope", "", ""},
        ItemCase{"refused", "delegation",
                 [](Facts& f) { f.delegation = {.reason = "read-only here", .remedy = "remount it"}; }, State::missing,
                 "read-only here", "no job on the host", "remount it"},
        ItemCase{"old_kernel", "memory files",
                 [](Facts& f) { f.memory_files = MemoryFiles{.swap_max = true, .oom_group = true}; }, State::limited,
                 "memory.swap.max, memory.oom.group", "not on this kernel: memory.peak, cgroup.kill",
                 "peaks are those of the samples; memory.peak needs Linux 5.19"},
        ItemCase{"no_memory_files", "memory files", [](Facts& f) { f.memory_files.reset(); }, State::limited,
                 "no cgroup with the memory controller to look at", "what the kernel offers is seen when a job runs",
                 ""},
        ItemCase{"swap_there", "swap", [](Facts&) {}, State::ok, "2 GiB, 1 GiB free", "", ""},
        ItemCase{"no_swap", "swap", [](Facts& f) { f.swap_total_bytes = 0; }, State::ok, "none",
                 "--swap-max has nothing to limit on the host; a guest gets swap of its own", ""},
        ItemCase{"swap_not_accounted", "swap", [](Facts& f) { f.memory_files->swap_max = false; }, State::limited,
                 "2 GiB, 1 GiB free", "not accounted: a limited job swaps instead of being killed",
                 "boot with swapaccount=1, or swapoff -a"},
        ItemCase{"psi_off", "pressure (PSI)", [](Facts& f) { f.psi_errno = EOPNOTSUPP; }, State::limited,
                 "switched off", "no stall times in the timeline, and thrashing is not recognised", "boot with psi=1"},
        ItemCase{"psi_absent", "pressure (PSI)", [](Facts& f) { f.psi_errno = ENOENT; }, State::limited,
                 "the kernel has none", "no stall times in the timeline, and thrashing is not recognised",
                 "a kernel with CONFIG_PSI=y; boot with psi=1"},
        ItemCase{"kmsg_restricted", "kernel log",
                 [](Facts& f) {
                   f.kmsg_errno = EPERM;
                   f.dmesg_restrict = 1;
                 },
                 State::limited, "/dev/kmsg is not readable (kernel.dmesg_restrict is 1)",
                 "a kill on the host is counted, but its report (victim, task table) is not seen",
                 "as root: sysctl kernel.dmesg_restrict=0; or run as root"},
        ItemCase{"kmsg_forbidden", "kernel log", [](Facts& f) { f.kmsg_errno = EACCES; }, State::limited,
                 "/dev/kmsg is not readable",
                 "a kill on the host is counted, but its report (victim, task table) is not seen",
                 "run as root, or with CAP_SYSLOG"},
        ItemCase{"kmsg_absent", "kernel log", [](Facts& f) { f.kmsg_errno = ENOENT; }, State::limited, "no /dev/kmsg",
                 "a kill on the host is counted, but its report (victim, task table) is not seen",
                 "in a container: docker run --device /dev/kmsg; else run as root"},
        ItemCase{"panics_on_global", "panic_on_oom", [](Facts& f) { f.panic_on_oom = 1; }, State::limited, "1",
                 "running out of memory as a whole panics this machine; a job's own limit does not",
                 "as root: sysctl vm.panic_on_oom=0"},
        ItemCase{"panics_always", "panic_on_oom", [](Facts& f) { f.panic_on_oom = 2; }, State::limited, "2",
                 "ANY kill panics this machine, a job's at its limit too",
                 "as root: sysctl vm.panic_on_oom=0; --backend vm runs the job in a guest of its own"},
        ItemCase{"no_task_table", "oom_dump_tasks", [](Facts& f) { f.oom_dump_tasks = 0; }, State::limited, "0",
                 "reports of this kernel hold no task table: no runners-up, no recomputed scores",
                 "as root: sysctl vm.oom_dump_tasks=1"},
        ItemCase{"unreadable_sysctl", "oom_dump_tasks", [](Facts& f) { f.oom_dump_tasks.reset(); }, State::limited,
                 "cannot be read", "", ""},
        ItemCase{"kills_allocating", "oom_kill_allocating_task", [](Facts& f) { f.oom_kill_allocating_task = 1; },
                 State::limited, "1", "a global kill takes whoever asks for memory, not the largest",
                 "as root: sysctl vm.oom_kill_allocating_task=0"},
        ItemCase{"always_overcommits", "overcommit_memory", [](Facts& f) { f.overcommit_memory = 1; }, State::ok, "1",
                 "malloc never fails for want of memory", ""},
        ItemCase{"never_overcommits", "overcommit_memory", [](Facts& f) { f.overcommit_memory = 2; }, State::limited,
                 "2", "malloc fails before memory runs out: programs see NULL, where they would be killed elsewhere",
                 "as root: sysctl vm.overcommit_memory=0"},
        ItemCase{"kvm", "micro-VM", [](Facts&) {}, State::ok,
                 "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64), kvm; kernels: 6.12.117, 6.1.0", "", ""},
        ItemCase{"emulation", "micro-VM", [](Facts& f) { f.vm.accelerator = "tcg"; }, State::ok,
                 "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64), tcg; kernels: 6.12.117, 6.1.0",
                 "software emulation: programs run several times slower, kills are as real", ""},
        ItemCase{"no_kernel", "micro-VM",
                 [](Facts& f) {
                   f.vm.available = false;
                   f.vm.kernels = {};
                   f.vm.remedy = "oomlab vm fetch 6.12";
                 },
                 State::missing, "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64); no kernel", "no --backend vm",
                 "oomlab vm fetch 6.12"},
        ItemCase{"no_seccomp", "seccomp, Landlock", [](Facts& f) { f.seccomp_filters = false; }, State::limited,
                 "no seccomp filters, Landlock ABI 3", "system calls can be neither made to fail nor forbidden",
                 "a kernel with CONFIG_SECCOMP_FILTER=y"},
        ItemCase{"rival", "other OOM killers", [](Facts& f) { f.oom_killers = {"earlyoom (pid 612)"}; }, State::limited,
                 "earlyoom (pid 612)", "may kill a job on the host before the kernel does, with no kernel report",
                 "--backend vm runs the job in a guest of its own"}),
    tests::kCaseName);

TEST(DoctorBackend, IsTheHostWhereThatWorks) {
  EXPECT_EQ(chosen_backend(good_machine()), "host");
  EXPECT_EQ(item(good_machine(), "--backend auto").found, "host: jobs run in a cgroup of this machine");
}

TEST(DoctorBackend, IsTheVmWhereTheHostRefuses) {
  Facts facts = good_machine();
  facts.delegation.access = cgroup::Access::refused;
  EXPECT_EQ(chosen_backend(facts), "vm");
  EXPECT_EQ(item(facts, "--backend auto").found, "vm: jobs run in a micro-VM");
}

TEST(DoctorBackend, IsMissingWhereNeitherWorks) {
  Facts facts = good_machine();
  facts.delegation.access = cgroup::Access::refused;
  facts.vm = {.qemu = "no qemu-system-x86_64", .remedy = "apt-get install qemu-system-x86"};
  EXPECT_EQ(chosen_backend(facts), std::nullopt);
  EXPECT_EQ(item(facts, "--backend auto"), (Finding{.item = "--backend auto",
                                                    .state = State::missing,
                                                    .found = "neither host nor vm",
                                                    .consequence = "no job can be run; analyze and report work",
                                                    .remedy = "apt-get install qemu-system-x86"}));
}

const std::vector<Finding> kFindings = {
    {.item = "swap", .found = "none"},
    {.item = "kernel log",
     .state = State::limited,
     .found = "no /dev/kmsg",
     .consequence = "less",
     .remedy = "run as root"},
};

TEST(DoctorText, ShowsALinePerFindingAndTheWayOutBelow) {
  EXPECT_EQ(as_text(kFindings, false, 80),
            "ok       swap                     none\n"
            "limited  kernel log               no /dev/kmsg\n"
            "           less\n"
            "           way out: run as root\n");
}

TEST(DoctorText, GivesEachCommandALineOfItsOwn) {
  const std::vector<Finding> two = {
      {.item = "x", .state = State::missing, .found = "no", .remedy = "first\nsecond\x1b"}};
  EXPECT_EQ(as_text(two, false, 80),
            "missing  x                        no\n"
            "           way out: first\n"
            "                    second\\x1b\n");
}

TEST(DoctorText, HasColoursOnlyWhenAsked) {
  EXPECT_THAT(as_text(kFindings, true, 80), HasSubstr("\x1b[33mlimited  \x1b[0mkernel log"));
}

TEST(DoctorText, EscapesWhatTheMachineSays) {
  const std::vector<Finding> hostile = {{.item = "x", .found = "QEMU \x1b[2J"}};
  EXPECT_THAT(as_text(hostile, false, 80), HasSubstr("QEMU \\x1b[2J"));
}

TEST(DoctorText, FitsOneScreen) {
  const auto text = as_text(judge(good_machine()), false, 80);
  EXPECT_LE(std::ranges::count(text, '\n'), 24);
}

TEST(DoctorJson, HoldsTheSameAndNullForNothing) {
  const auto document = nlohmann::json::parse(as_json(kFindings, "vm"));
  EXPECT_EQ(document["schema"], "oomlab.doctor/1");
  EXPECT_EQ(document["backend"], "vm");
  EXPECT_EQ(document["items"][0]["state"], "ok");
  EXPECT_EQ(document["items"][0]["remedy"], nullptr);
  EXPECT_EQ(document["items"][1]["remedy"], "run as root");
  EXPECT_EQ(nlohmann::json::parse(as_json({}, std::nullopt))["backend"], nullptr);
}

TEST(DoctorJson, IsValidWhateverTheMachineSays) {
  const std::vector<Finding> hostile = {{.item = "x", .found = "\xff\x1b"}};
  EXPECT_EQ(nlohmann::json::parse(as_json(hostile, "vm"))["items"][0]["found"], "\\xff\x1b");
  const std::vector<Finding> steering = {{.item = "x", .found = "\xc2\x9b"}};
  EXPECT_NE(as_json(steering, "vm").find("\\u009b"), std::string::npos);
}

TEST(DoctorGather, ReadsThisMachine) {
  const auto facts = gather();
  EXPECT_FALSE(facts.kernel.empty());
  EXPECT_TRUE(facts.swap_total_bytes.has_value());
  EXPECT_TRUE(facts.psi_errno.has_value());
}

}  // namespace
}  // namespace cli::doctor

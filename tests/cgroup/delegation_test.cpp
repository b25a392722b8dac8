#include "cgroup/delegation.h"

#include <gmock/gmock.h>

#include "cgroup/facts.h"
#include "tests/support/fake_cgroup.h"

namespace {

using cgroup::Access;
using cgroup::Facts;
using cgroup::Version;
using support::must;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::vector<std::string> kAll = {"cpu", "memory", "pids"};

// A cgroup of a systemd user session on an ordinary host; each case changes what it is about.
Facts session() {
  Facts facts;
  facts.hierarchy = {.version = Version::v2,
                     .mount = "/sys/fs/cgroup",
                     .mount_root = "/",
                     .own = "/sys/fs/cgroup/user.slice/session-2.scope",
                     .own_path = "/user.slice/session-2.scope"};
  facts.own = {
      .path = facts.hierarchy.own, .type = "domain", .controllers = kAll, .empty = false, .others = {700, 701}};
  facts.above = cgroup::Place{.path = "/sys/fs/cgroup/user.slice", .type = "domain", .controllers = kAll};
  facts.uid = 1000;
  facts.systemd = true;
  facts.systemd_run = true;
  facts.runtime_dir = "/run/user/1000";
  facts.runtime_dir_set = true;
  return facts;
}

// The scope that systemd-run made for us.
Facts scope() {
  auto facts = session();
  facts.own.writable = true;
  facts.own.delegated = true;
  facts.own.others = {};
  facts.reexecuted = true;
  return facts;
}

// A container with a cgroup namespace of its own and a writable mount.
Facts container() {
  Facts facts;
  facts.hierarchy = {.version = Version::v2,
                     .mount = "/sys/fs/cgroup",
                     .mount_root = "/",
                     .own = "/sys/fs/cgroup",
                     .own_path = "/",
                     .in_namespace = true};
  facts.own = {.path = "/sys/fs/cgroup", .writable = true, .type = "domain", .controllers = kAll, .empty = false};
  return facts;
}

// Root in the real root cgroup: a micro-VM.
Facts real_root() {
  auto facts = container();
  facts.hierarchy.in_namespace = false;
  facts.own.is_root = true;
  facts.own.type = "";
  facts.own.others = {2, 3, 4};  // kernel threads
  return facts;
}

struct Case {
  const char* name;
  Facts (*facts)();
  Access access;
  const char* parent = "";
  const char* reason = "";
  const char* remedy = "";  // its first line
};

class Decide : public ::testing::TestWithParam<Case> {};

TEST_P(Decide, OfEveryKindOfMachine) {
  const auto& row = GetParam();
  const auto decided = cgroup::decide(row.facts());
  EXPECT_EQ(decided.access, row.access) << decided.reason;
  EXPECT_EQ(decided.parent, row.parent);
  EXPECT_EQ(decided.reason, row.reason);
  EXPECT_EQ(decided.remedy.substr(0, decided.remedy.find('\n')), row.remedy);
  EXPECT_EQ(decided.reexec.empty(), row.access != Access::systemd_user && row.access != Access::systemd_root);
  if (row.access == Access::refused) {
    EXPECT_THAT(decided.remedy, ::testing::EndsWith("\nor run it in a micro-VM: --backend vm"));
  }
}

template <typename Change>
Facts with(Facts facts, Change change) {
  change(facts);
  return facts;
}

constexpr const char* kUnify =
    "boot with cgroup v2: add systemd.unified_cgroup_hierarchy=1 to GRUB_CMDLINE_LINUX in /etc/default/grub, then";

INSTANTIATE_TEST_SUITE_P(
    Works, Decide,
    ::testing::Values(
        Case{"RealRoot", real_root, Access::direct, "/sys/fs/cgroup"},
        Case{"RealRootUnderSystemd",
             [] { return with(real_root(), [](Facts& f) { f.systemd = f.systemd_run = true; }); }, Access::direct,
             "/sys/fs/cgroup"},
        Case{"DelegatedScope", scope, Access::move_self, "/sys/fs/cgroup/user.slice/session-2.scope"},
        Case{"DelegatedScopeWithoutMark", [] { return with(scope(), [](Facts& f) { f.own.delegated = false; }); },
             Access::move_self, "/sys/fs/cgroup/user.slice/session-2.scope"},
        Case{"DelegatedServiceStartedByHand",
             [] {
               return with(scope(), [](Facts& f) {
                 f.reexecuted = false;
                 f.uid = 0;
               });
             },
             Access::move_self, "/sys/fs/cgroup/user.slice/session-2.scope"},
        Case{"SteppedAsideBefore",
             [] {
               return with(scope(), [](Facts& f) {
                 f.own.path = "/sys/fs/cgroup/user.slice/x.scope/oomlab.self";
                 f.own.delegated = false;
                 f.above = cgroup::Place{.path = "/sys/fs/cgroup/user.slice/x.scope",
                                         .writable = true,
                                         .type = "domain",
                                         .controllers = kAll};
               });
             },
             Access::direct, "/sys/fs/cgroup/user.slice/x.scope"},
        Case{"DelegateSubgroup",
             [] {
               return with(session(), [](Facts& f) {
                 f.above->writable = f.above->delegated = true;
                 f.own.writable = true;
               });
             },
             Access::direct, "/sys/fs/cgroup/user.slice"},
        Case{"User", session, Access::systemd_user},
        Case{"UserInAScopeOfHisManager",
             [] {
               return with(session(), [](Facts& f) {
                 f.own.writable = true;
                 f.own.others = {};
               });
             },
             Access::systemd_user},
        Case{"UserWhoseManagerHasMemory", [] { return with(session(), [](Facts& f) { f.user_controllers = kAll; }); },
             Access::systemd_user},
        Case{"RootInASession",
             [] {
               return with(session(), [](Facts& f) {
                 f.uid = 0;
                 f.own.writable = true;
               });
             },
             Access::systemd_root},
        Case{"ThreadedButSystemdHelps", [] { return with(session(), [](Facts& f) { f.own.type = "threaded"; }); },
             Access::systemd_user},
        Case{"Container", container, Access::move_self, "/sys/fs/cgroup"},
        Case{"RootWithoutSystemd",
             [] {
               return with(session(), [](Facts& f) {
                 f.systemd = f.systemd_run = false;
                 f.uid = 0;
                 f.top = real_root().own;
               });
             },
             Access::direct, "/sys/fs/cgroup"},
        Case{"RootWhoseSystemdRunIsMissing",
             [] {
               return with(session(), [](Facts& f) {
                 f.systemd_run = false;
                 f.uid = 0;
                 f.top = real_root().own;
               });
             },
             Access::direct, "/sys/fs/cgroup"},
        Case{"HybridWithMemoryOnV2",
             [] { return with(real_root(), [](Facts& f) { f.hierarchy.version = Version::hybrid; }); }, Access::direct,
             "/sys/fs/cgroup"}),
    [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Refuses, Decide,
    ::testing::Values(
        Case{"V1", [] { return with(session(), [](Facts& f) { f.hierarchy.version = Version::v1; }); }, Access::refused,
             "", "this machine uses cgroup v1; oomlab needs v2", kUnify},
        Case{"HybridWithMemoryOnV1",
             [] {
               return with(real_root(), [](Facts& f) {
                 f.hierarchy.version = Version::hybrid;
                 f.hierarchy.memory_on_v1 = true;
               });
             },
             Access::refused, "", "this machine has cgroup v1 and v2 side by side, and the memory controller is on v1",
             kUnify},
        Case{"NotMounted", [] { return with(Facts{}, [](Facts&) {}); }, Access::refused, "",
             "no cgroup2 filesystem is mounted", "sudo mount -t cgroup2 none /sys/fs/cgroup"},
        Case{"ReadOnly", [] { return with(container(), [](Facts& f) { f.hierarchy.read_only = true; }); },
             Access::refused, "", "/sys/fs/cgroup is mounted read-only, as in an ordinary container",
             "mount -o remount,rw /sys/fs/cgroup"},
        Case{"OutsideTheMount",
             [] {
               return with(container(), [](Facts& f) {
                 f.own = {};
                 f.hierarchy.own = "";
                 f.hierarchy.own_path = "/../x";
               });
             },
             Access::refused, "", "our cgroup /../x is not inside what is mounted at /sys/fs/cgroup",
             "start the container with a cgroup namespace of its own: docker run --cgroupns=private --privileged"},
        Case{"Threaded", [] { return with(container(), [](Facts& f) { f.own.type = "domain threaded"; }); },
             Access::refused, "",
             "the cgroup /sys/fs/cgroup is threaded (cgroup.type: domain threaded), and memory cannot be limited in "
             "threaded ones",
             "sudo systemd-run --scope -p Delegate=yes -- oomlab ..."},
        Case{"ContainerWithoutRights", [] { return with(container(), [](Facts& f) { f.own.writable = false; }); },
             Access::refused, "", "this container may not change its cgroup /sys/fs/cgroup",
             "start it with docker run --privileged or podman run --systemd=always, as root inside"},
        Case{"ContainerWithoutMemory",
             [] { return with(container(), [](Facts& f) { f.own.controllers = {"cpu", "pids"}; }); }, Access::refused,
             "", "the memory controller is not delegated to the cgroup /sys/fs/cgroup (it has: cpu pids)",
             "enable it for the container on the host, e.g. docker run -m 1g"},
        Case{"ContainerWithOthers", [] { return with(container(), [](Facts& f) { f.own.others = {0, 17}; }); },
             Access::refused, "",
             "the cgroup /sys/fs/cgroup holds other processes (e.g. 0), so it cannot have limited children",
             "mkdir -p /sys/fs/cgroup/oomlab.self"},
        Case{"RootInALimitedContainerThatSeesTheHost",
             [] {
               return with(session(), [](Facts& f) {
                 f.systemd = f.systemd_run = false;
                 f.uid = 0;
                 f.own.writable = true;
                 f.top = real_root().own;
                 f.limited = true;
               });
             },
             Access::refused, "",
             "the cgroup /sys/fs/cgroup/user.slice/session-2.scope holds other processes (e.g. 700), so it cannot have "
             "limited children",
             "mkdir -p /sys/fs/cgroup/user.slice/session-2.scope/oomlab.self"},
        Case{"KernelWithoutMemory", [] { return with(real_root(), [](Facts& f) { f.own.controllers = {"cpu"}; }); },
             Access::refused, "", "the kernel offers no memory controller",
             "boot without cgroup_disable=memory (on a Raspberry Pi with cgroup_enable=memory)"},
        Case{"UserWithoutManager", [] { return with(session(), [](Facts& f) { f.runtime_dir = ""; }); },
             Access::refused, "",
             "this user may not change the cgroup /sys/fs/cgroup/user.slice/session-2.scope, and no systemd of this "
             "user can be asked",
             "sudo loginctl enable-linger 1000 && export XDG_RUNTIME_DIR=/run/user/1000"},
        Case{"UserWithoutSystemd", [] { return with(session(), [](Facts& f) { f.systemd = false; }); }, Access::refused,
             "", "this user may not change the cgroup /sys/fs/cgroup/user.slice/session-2.scope", "run it as root"},
        Case{"UserManagerWithoutMemory",
             [] { return with(session(), [](Facts& f) { f.user_controllers = {"pids"}; }); }, Access::refused, "",
             "the memory controller is not delegated to this user's systemd (it has: pids)",
             "sudo mkdir -p /etc/systemd/system/user@.service.d"},
        Case{"ScopeWithoutMemory", [] { return with(scope(), [](Facts& f) { f.own.controllers = {}; }); },
             Access::refused, "", "the memory controller is not delegated to this user's systemd (it has: none)",
             "sudo mkdir -p /etc/systemd/system/user@.service.d"},
        Case{"NeverAsksSystemdTwice", [] { return with(session(), [](Facts& f) { f.reexecuted = true; }); },
             Access::refused, "", "this user may not change the cgroup /sys/fs/cgroup/user.slice/session-2.scope",
             "run it as root"}),
    [](const auto& row) { return row.param.name; });

TEST(DecideReexec, IsAPrefixOfTheCommand) {
  auto facts = session();
  EXPECT_THAT(cgroup::decide(facts).reexec, ElementsAre("systemd-run", "--user", "--scope", "-p", "Delegate=yes",
                                                        "--quiet", "--collect", "--setenv=OOMLAB_REEXEC=1", "--"));
  facts.runtime_dir_set = false;
  EXPECT_THAT(cgroup::decide(facts).reexec,
              ElementsAre("env", "XDG_RUNTIME_DIR=/run/user/1000", "systemd-run", "--user", "--scope", "-p",
                          "Delegate=yes", "--quiet", "--collect", "--setenv=OOMLAB_REEXEC=1", "--"));
  facts.uid = 0;
  EXPECT_THAT(cgroup::decide(facts).reexec, ElementsAre("systemd-run", "--scope", "-p", "Delegate=yes", "--quiet",
                                                        "--collect", "--setenv=OOMLAB_REEXEC=1", "--"));
}

TEST(DecideRemedy, NamesExactCommands) {
  auto facts = container();
  facts.own.others = {17};
  facts.uid = 1000;
  EXPECT_EQ(cgroup::decide(facts).remedy,
            "sudo mkdir -p /sys/fs/cgroup/oomlab.self\n"
            "for p in $(cat /sys/fs/cgroup/cgroup.procs); do echo $p | sudo tee "
            "/sys/fs/cgroup/oomlab.self/cgroup.procs; done\n"
            "or run it in a micro-VM: --backend vm");
  auto user = session();
  user.user_controllers.emplace();
  EXPECT_EQ(cgroup::decide(user).remedy,
            "sudo mkdir -p /etc/systemd/system/user@.service.d\n"
            "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | sudo tee "
            "/etc/systemd/system/user@.service.d/delegate.conf\n"
            "sudo systemctl daemon-reload && sudo systemctl restart user@1000.service\n"
            "or run it in a micro-VM: --backend vm");
}

TEST(LookAt, ReadsAFolder) {
  const support::FakeCgroup fake{{"cgroup.procs", "1\n" + std::to_string(::getpid()) + "\n999999999\n"},
                                 {"cgroup.events", "populated 1\n"},
                                 {"cgroup.type", "domain threaded\n"},
                                 {"cgroup.controllers", "cpu memory pids\n"},
                                 {"cgroup.subtree_control", "\n"}};
  const auto place = cgroup::look_at(fake.path());
  EXPECT_FALSE(place.is_root);
  EXPECT_TRUE(place.writable);
  EXPECT_FALSE(place.delegated);
  EXPECT_FALSE(place.empty);
  EXPECT_EQ(place.type, "domain threaded");
  EXPECT_THAT(place.controllers, ElementsAre("cpu", "memory", "pids"));
  EXPECT_THAT(place.others, ElementsAre(999999999)) << "this process and init, its ancestor, are no others";
}

TEST(LookAt, TheRootHasNoEvents) {
  const support::FakeCgroup fake{
      {"cgroup.procs", ""}, {"cgroup.controllers", "memory\n"}, {"cgroup.subtree_control", ""}};
  EXPECT_TRUE(cgroup::look_at(fake.path()).is_root);
  EXPECT_TRUE(cgroup::look_at(fake.path()).empty);
  EXPECT_FALSE(cgroup::look_at(fake.path() / "missing").is_root);
}

TEST(MakeReady, TakesWhatIsEnabledAlready) {
  const support::FakeCgroup fake{{"cgroup.controllers", "memory pids\n"}, {"cgroup.subtree_control", "memory pids\n"}};
  EXPECT_EQ(must(cgroup::make_ready({.access = Access::direct, .parent = fake.path()})), fake.path());
  EXPECT_EQ(fake.read("cgroup.subtree_control"), "memory pids\n") << "nothing to write";
}

TEST(MakeReady, ReadsBackWhatItEnabled) {
  // An ordinary file shows what was written, "+memory", which is not what a kernel shows.
  const support::FakeCgroup fake{{"cgroup.controllers", "memory pids\n"}, {"cgroup.subtree_control", "cpu\n"}};
  const auto ready = cgroup::make_ready({.access = Access::direct, .parent = fake.path()});
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().message,
            (fake.path() / "cgroup.subtree_control").native() + ": took +memory, but does not show it");
}

TEST(MakeReady, MovesThisProcessAndItsAncestorsOnly) {
  const support::FakeCgroup fake{{"cgroup.procs", std::to_string(::getpid()) + "\n"},
                                 {"oomlab.self/cgroup.procs", ""},
                                 {"cgroup.controllers", "memory\n"},
                                 {"cgroup.subtree_control", "memory\n"}};
  EXPECT_EQ(must(cgroup::make_ready({.access = Access::move_self, .parent = fake.path()})), fake.path());
  EXPECT_EQ(fake.read("oomlab.self/cgroup.procs"), std::to_string(::getpid()));
  fake.write("cgroup.procs", "999999999\n");
  const auto ready = cgroup::make_ready({.access = Access::move_self, .parent = fake.path()});
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().message, fake.path().native() + ": process 999999999 came into it meanwhile");
}

TEST(MakeReady, PassesARefusalOn) {
  const auto ready = cgroup::make_ready({.reason = "why", .remedy = "how"});
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().kind, base::ErrorKind::unsupported);
  EXPECT_EQ(ready.error().message, "why");
  EXPECT_EQ(ready.error().remedy, "how");
}

TEST(FindDelegation, OfThisMachineSaysSomething) {
  const auto found = cgroup::find_delegation(must(cgroup::find_own_hierarchy()));
  EXPECT_EQ(found.access == Access::refused, !found.reason.empty());
}

}  // namespace

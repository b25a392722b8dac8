#include "cgroup/hierarchy.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/support/fake_cgroup.h"

namespace {

using cgroup::Version;

// A machine as /proc/self/mountinfo and /proc/self/cgroup show it, in tests/fixtures/cgroup/<name>.{mountinfo,cgroup},
// and what is there.
struct Machine {
  const char* name;
  cgroup::Hierarchy expected;
};

class FindHierarchy : public ::testing::TestWithParam<Machine> {};

TEST_P(FindHierarchy, OfRecordedMachines) {
  const auto& [name, expected] = GetParam();
  const std::string base = fmt::format("{}/tests/fixtures/cgroup/{}", OOMLAB_SOURCE_DIR, name);
  const auto found = cgroup::find_hierarchy(support::must(base::read_all(base + ".mountinfo")),
                                            support::must(base::read_all(base + ".cgroup")));
  EXPECT_EQ(found.version, expected.version);
  EXPECT_EQ(found.mount, expected.mount);
  EXPECT_EQ(found.mount_root, expected.mount_root);
  EXPECT_EQ(found.own, expected.own);
  EXPECT_EQ(found.own_path, expected.own_path);
  EXPECT_EQ(found.read_only, expected.read_only);
  EXPECT_EQ(found.nsdelegate, expected.nsdelegate);
  EXPECT_EQ(found.memory_localevents, expected.memory_localevents);
  EXPECT_EQ(found.memory_recursiveprot, expected.memory_recursiveprot);
  EXPECT_EQ(found.memory_on_v1, expected.memory_on_v1);
  EXPECT_EQ(found.in_namespace, expected.in_namespace);
}

INSTANTIATE_TEST_SUITE_P(All, FindHierarchy,
                         ::testing::Values(Machine{"debian12_systemd_user",
                                                   {.version = Version::v2,
                                                    .mount = "/sys/fs/cgroup",
                                                    .mount_root = "/",
                                                    .own = "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope",
                                                    .own_path = "/user.slice/user-1000.slice/session-2.scope",
                                                    .nsdelegate = true,
                                                    .memory_recursiveprot = true}},
                                           Machine{"cloud_vm_hybrid",
                                                   {.version = Version::hybrid,
                                                    .mount = "/sys/fs/cgroup/unified",
                                                    .mount_root = "/",
                                                    .own = "/sys/fs/cgroup/unified",
                                                    .own_path = "/",
                                                    .memory_on_v1 = true}},
                                           Machine{"debian10_v1_only",
                                                   {.version = Version::v1, .own_path = "", .memory_on_v1 = true}},
                                           Machine{"docker_private_namespace",
                                                   {.version = Version::v2,
                                                    .mount = "/sys/fs/cgroup",
                                                    .mount_root = "/",
                                                    .own = "/sys/fs/cgroup",
                                                    .own_path = "/",
                                                    .read_only = true,
                                                    .nsdelegate = true,
                                                    .memory_recursiveprot = true}},
                                           Machine{"docker_host_namespace",
                                                   {.version = Version::v2,
                                                    .mount = "/sys/fs/cgroup",
                                                    .mount_root = "/docker/ad6c0e59",
                                                    .own = "/sys/fs/cgroup",
                                                    .own_path = "/docker/ad6c0e59",
                                                    .nsdelegate = true,
                                                    .in_namespace = true}},
                                           Machine{"tiny_init_vm",
                                                   {.version = Version::v2,
                                                    .mount = "/sys/fs/cgroup",
                                                    .mount_root = "/",
                                                    .own = "/sys/fs/cgroup",
                                                    .own_path = "/"}}),
                         [](const auto& row) { return row.param.name; });

// One oddity each, as text.
struct Oddity {
  const char* name;
  std::string_view mountinfo, self_cgroup;
  Version version;
  const char* mount;
  const char* own;
};

class FindOddHierarchy : public ::testing::TestWithParam<Oddity> {};

TEST_P(FindOddHierarchy, Finds) {
  const auto& row = GetParam();
  const auto found = cgroup::find_hierarchy(row.mountinfo, row.self_cgroup);
  EXPECT_EQ(found.version, row.version);
  EXPECT_EQ(found.mount, row.mount);
  EXPECT_EQ(found.own, row.own);
}

constexpr std::string_view kPlain = "30 22 0:27 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";

INSTANTIATE_TEST_SUITE_P(
    All, FindOddHierarchy,
    ::testing::Values(
        Oddity{"Nothing", "", "", Version::none, "", ""}, Oddity{"OnlyNewlines", "\n\n", "\n", Version::none, "", ""},
        Oddity{"Garbage", "a b c\n30 22 0:27\n30 22 0:27 / /x rw -\n", "::\n0\n0:\nx::/a\n", Version::none, "", ""},
        Oddity{"NotMounted", "22 1 0:5 / /proc rw - proc proc rw\n", "0::/a\n", Version::none, "", ""},
        Oddity{"NoOwnLine", kPlain, "", Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"Root", kPlain, "0::/\n", Version::v2, "/sys/fs/cgroup", "/sys/fs/cgroup"},
        Oddity{"OptionalFields",
               "30 22 0:27 / /sys/fs/cgroup rw shared:4 master:2 propagate_from:1 - cgroup2 cgroup2 rw\n", "0::/a\n",
               Version::v2, "/sys/fs/cgroup", "/sys/fs/cgroup/a"},
        Oddity{"EmptySource", "30 22 0:27 / /sys/fs/cgroup rw - cgroup2  rw\n", "0::/a\n", Version::v2,
               "/sys/fs/cgroup", "/sys/fs/cgroup/a"},
        Oddity{"Escapes", "30 22 0:27 / /my\\040cgroups\\134\\011x rw - cgroup2 cgroup2 rw\n", "0::/a b\n", Version::v2,
               "/my cgroups\\\tx", "/my cgroups\\\tx/a b"},
        Oddity{"EscapedRoot", "30 22 0:27 /a\\040b /c rw - cgroup2 cgroup2 rw\n", "0::/a b/x\n", Version::v2, "/c",
               "/c/x"},
        Oddity{"BindOfOurPart", "30 22 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/docker/x/y\n",
               Version::v2, "/sys/fs/cgroup", "/sys/fs/cgroup/y"},
        Oddity{"BindOfAnotherPart", "30 22 0:27 /docker/x /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/docker/xy\n",
               Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"OutsideTheNamespace", kPlain, "0::/../..\n", Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"SiblingOfTheNamespace", kPlain, "0::/../x\n", Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"NameWithDots", kPlain, "0::/..x/...\n", Version::v2, "/sys/fs/cgroup", "/sys/fs/cgroup/..x/..."},
        Oddity{"MountFromOutsideTheNamespace", "30 22 0:27 /.. /sys/fs/cgroup rw - cgroup2 c rw\n", "0::/\n",
               Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"UncleInMountFromOutside", "30 22 0:27 /.. /c rw - cgroup2 c rw\n", "0::/../x\n", Version::v2, "/c",
               "/c/x"},
        Oddity{"Removed", kPlain, "0::/gone (deleted)\n", Version::v2, "/sys/fs/cgroup", ""},
        Oddity{"FirstOfTwo", "30 22 0:27 / /a rw - cgroup2 c rw\n31 22 0:27 / /b rw - cgroup2 c rw\n", "0::/x\n",
               Version::v2, "/a", "/a/x"},
        Oddity{"TheOneWithOurs", "30 22 0:27 /other /a rw - cgroup2 c rw\n31 22 0:27 / /b ro - cgroup2 c rw\n",
               "0::/x\n", Version::v2, "/b", "/b/x"},
        Oddity{"TheWritableOne", "30 22 0:27 / /a rw - cgroup2 c ro\n31 22 0:27 / /b rw - cgroup2 c rw\n", "0::/x\n",
               Version::v2, "/b", "/b/x"},
        Oddity{"HiddenByTmpfs",
               "22 1 0:1 / / rw - ext4 d rw\n30 22 0:27 / /sys/fs/cgroup rw - cgroup2 c rw\n31 30 0:28 / "
               "/sys/fs/cgroup rw - tmpfs t rw\n"
               "32 31 0:27 / /sys/fs/cgroup/unified rw - cgroup2 c rw\n",
               "0::/x\n", Version::v2, "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/x"},
        Oddity{"HiddenByMountAbove",
               "22 1 0:1 / / rw - ext4 d rw\n30 22 0:27 / /sys/fs/cgroup rw - cgroup2 c rw\n31 22 0:28 / /sys rw - "
               "tmpfs t rw\n",
               "0::/x\n", Version::none, "", ""},
        Oddity{"OwnParentLoop", "30 30 0:27 / /a rw - cgroup2 c rw\n", "0::/x\n", Version::v2, "/a", "/a/x"},
        Oddity{"ParentsInACircle", "30 31 0:27 / /a/b rw - cgroup2 c rw\n31 30 0:27 / /a rw - tmpfs c rw\n", "0::/x\n",
               Version::none, "", ""},
        Oddity{"V1LinesButUnified", kPlain, "1:name=systemd:/a\n0::/a\n", Version::v2, "/sys/fs/cgroup",
               "/sys/fs/cgroup/a"},
        Oddity{"Hybrid", kPlain, "2:pids:/a\n0::/a\n", Version::hybrid, "/sys/fs/cgroup", "/sys/fs/cgroup/a"},
        Oddity{"V1ByMembershipOnly", "", "3:cpu,cpuacct:/\n", Version::v1, "", ""},
        Oddity{"V1ByMountOnly", "30 22 0:27 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "", Version::v1, "",
               ""}),
    [](const auto& row) { return row.param.name; });

TEST(FindHierarchy, ReadsMountOptions) {
  const auto found = cgroup::find_hierarchy(
      "30 22 0:27 / /c rw,nosuid - cgroup2 c rw,nsdelegate,memory_localevents,memory_recursiveprot\n", "0::/\n");
  EXPECT_TRUE(found.nsdelegate && found.memory_localevents && found.memory_recursiveprot);
  EXPECT_FALSE(found.read_only);
  EXPECT_TRUE(cgroup::find_hierarchy("30 22 0:27 / /c ro - cgroup2 c rw\n", "0::/\n").read_only);
  EXPECT_TRUE(cgroup::find_hierarchy("30 22 0:27 / /c rw - cgroup2 c ro\n", "0::/\n").read_only);
  const auto near = cgroup::find_hierarchy("30 22 0:27 / /c rw - cgroup2 c rw,nsdelegated,ron\n", "0::/\n");
  EXPECT_FALSE(near.nsdelegate || near.read_only);
}

TEST(FindHierarchy, MemoryOnV1IsByWholeName) {
  EXPECT_TRUE(cgroup::find_hierarchy("", "4:cpu,memory,pids:/x\n").memory_on_v1);
  EXPECT_FALSE(cgroup::find_hierarchy("", "4:memoryx:/memory\n5:name=memory:/\n").memory_on_v1);
}

TEST(FindHierarchy, OfThisProcessDoesNotFail) {
  const auto found = cgroup::find_own_hierarchy();
  ASSERT_TRUE(found) << found.error().message;
}

}  // namespace

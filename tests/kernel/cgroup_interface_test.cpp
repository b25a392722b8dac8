// What the kernel's files of a memory cgroup promise, as far as it is an interface and not a course of events (those
// are scenarios): the rows of the kernel's own tests (tools/testing/selftests/cgroup) that a tool like this rests on.
// Run by the program of cgroup_kernel_test.cpp.

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "cgroup/delegation.h"
#include "cgroup/group.h"
#include "cgroup/parse.h"
#include "tests/support/case_name.h"
#include "tests/support/fake_cgroup.h"

namespace {

using cgroup::Group;
using cgroup::Limit;
using support::must;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr std::uint64_t kChargeBatch = 64 * 4096;  // what a processor may have charged ahead (MEMCG_CHARGE_BATCH)

class CgroupInterface : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto hierarchy = cgroup::find_own_hierarchy();
    const auto parent =
        hierarchy ? cgroup::make_ready(cgroup::find_delegation(*hierarchy)) : std::unexpected(hierarchy.error());
    if (parent) {
      parent_ = *parent;
      mount_ = hierarchy->mount;
      return;
    }
    const char* const required = std::getenv("OOMLAB_REQUIRE_KERNEL");
    if (required != nullptr && std::string_view(required) == "1") {
      FAIL() << parent.error().message;
    }
    GTEST_SKIP() << parent.error().message << "\n" << parent.error().remedy;
  }

  [[nodiscard]] Group make() const { return must(Group::create(parent_, "interface", {})); }

  // A cgroup below a group of ours.
  static cgroup::Dir make_below(const cgroup::Dir& dir, const std::string& name) {
    const auto path = dir.path() / name;
    EXPECT_EQ(::mkdir(path.c_str(), 0755), 0);
    return must(cgroup::Dir::open(path));
  }

  // Does something in a process that lives in the cgroup and ends.
  static void in_group(const cgroup::Dir& dir, const std::function<void()>& act) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      const bool inside = dir.write("cgroup.procs", "0").has_value();
      if (inside) {
        act();
      }
      ::_exit(inside ? 0 : 1);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    EXPECT_EQ(status, 0);
  }

  static void touch(std::uint64_t bytes) {
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE;
    (void)::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  }

  static std::uint64_t number(const cgroup::Dir& dir, const char* file) {
    return must(cgroup::parse_count(must(dir.read(file))));
  }

  static std::uint64_t counter(const cgroup::Dir& dir, const char* file, std::string_view name) {
    (void)dir.read("cpu.stat");  // adds up what the processors hold (kernel/cgroup/rstat.c)
    return cgroup::find(must(cgroup::parse_counters(must(dir.read(file)))), name).value_or(0);
  }

  std::filesystem::path parent_, mount_;
};

TEST_F(CgroupInterface, AControllerIsBelowOnlyWhereTheParentEnablesIt) {
  const auto group = make();
  const auto with = make_below(group.dir(), "with");
  const auto without = make_below(group.dir(), "without");
  const auto below_with = make_below(with, "below");
  const auto below_without = make_below(without, "below");
  must(group.dir().write("cgroup.subtree_control", "+memory"));
  must(with.write("cgroup.subtree_control", "+memory"));
  EXPECT_THAT(must(below_with.read("cgroup.controllers")), HasSubstr("memory"));
  EXPECT_TRUE(below_with.has("memory.max"));
  EXPECT_THAT(must(below_without.read("cgroup.controllers")), Not(HasSubstr("memory")));
  EXPECT_FALSE(below_without.has("memory.max"));
}

TEST_F(CgroupInterface, AProcessCannotBeWhereGroupsBelowAreLimited) {
  const auto group = make();
  must(group.dir().write("cgroup.subtree_control", "+memory"));
  const auto moved = group.dir().write("cgroup.procs", "0");
  ASSERT_FALSE(moved);
  EXPECT_EQ(moved.error().sys_errno, EBUSY);
}

TEST_F(CgroupInterface, ANewGroupHasUsedNothing) {
  const auto group = make();
  EXPECT_EQ(number(group.dir(), "memory.current"), 0U);
  if (group.dir().has("memory.peak")) {
    EXPECT_EQ(number(group.dir(), "memory.peak"), 0U);
  }
}

// A write resets the peak for whoever reads through the same descriptor, from 6.12 on; others see the old one.
TEST_F(CgroupInterface, ThePeakIsResetForOneDescriptorOnly) {
  const auto group = make();
  struct stat status{};
  if (::stat((group.dir().path() / "memory.peak").c_str(), &status) != 0 || (status.st_mode & S_IWUSR) == 0) {
    GTEST_SKIP() << "this kernel's memory.peak cannot be reset: use 6.12 or later";
  }
  in_group(group.dir(), [] { touch(50 * kMiB); });
  auto first = must(group.dir().open_file("memory.peak", O_RDWR));
  auto second = must(group.dir().open_file("memory.peak", O_RDWR));
  const auto peak_of = [](const base::Fd& fd) {
    std::array<char, 64> text{};
    const ssize_t got = ::pread(fd.get(), text.data(), text.size(), 0);
    return got > 0 ? must(cgroup::parse_count({text.data(), static_cast<std::size_t>(got)})) : 0;
  };
  EXPECT_GE(peak_of(first), 50 * kMiB);
  ASSERT_EQ(::pwrite(first.get(), "reset", 5, 0), 5);
  EXPECT_LT(peak_of(first), 30 * kMiB);
  EXPECT_GE(peak_of(second), 50 * kMiB);
  EXPECT_GE(number(group.dir(), "memory.peak"), 50 * kMiB);
  ASSERT_EQ(::pwrite(second.get(), "\n", 1, 0), 1);
  in_group(group.dir(), [] { touch(20 * kMiB); });
  first.reset();  // in another order than they were opened
  EXPECT_GE(peak_of(second), 20 * kMiB);
  EXPECT_LT(peak_of(second), 40 * kMiB);
  EXPECT_GE(number(group.dir(), "memory.peak"), 50 * kMiB);
}

struct BadLimit {
  const char* name;
  const char* text;
};
class CgroupInterfaceLimits : public CgroupInterface, public ::testing::WithParamInterface<BadLimit> {};

TEST_P(CgroupInterfaceLimits, IsRefusedAndChangesNothing) {
  const auto group = make();
  must(group.dir().write("memory.max", "67108864"));
  const auto written = group.dir().write("memory.max", GetParam().text);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sys_errno, EINVAL);
  EXPECT_EQ(must(group.dir().read("memory.max")), "67108864\n");
}

INSTANTIATE_TEST_SUITE_P(Table, CgroupInterfaceLimits,
                         ::testing::Values(BadLimit{"word", "many"}, BadLimit{"fraction", "1.5"},
                                           BadLimit{"trailing", "12xx"}, BadLimit{"minus_one_of_v1", "-1"}),
                         tests::kCaseName);

// memparse() of nothing is 0 (mm/page_counter.c): an empty value would be the smallest limit there is, not a mistake.
TEST_F(CgroupInterface, AnEmptyLineIsALimitOfNothing) {
  const auto group = make();
  must(group.dir().write("memory.max", "67108864"));
  must(group.dir().write("memory.max", "\n"));
  EXPECT_EQ(must(group.dir().read("memory.max")), "0\n");
}

// Removed groups may live on while something is charged to them; they must not do so for ever.
TEST_F(CgroupInterface, RemovedGroupsDie) {
  constexpr int kGroups = 30;
  const auto group = make();
  must(group.dir().write("cgroup.subtree_control", "+memory"));
  for (int i = 0; i < kGroups; ++i) {
    const auto below = make_below(group.dir(), fmt::format("g{}", i));
    in_group(below, [] {
      touch(kMiB);
      std::array<int, 2> ends{};
      (void)!::pipe(ends.data());  // kernel memory, too
    });
    ASSERT_EQ(::rmdir(below.path().c_str()), 0);
  }
  // Nothing tells when the last one is gone, and it takes grace periods: asked again for as long as the kernel's own
  // test does, and some for a slow machine.
  std::uint64_t dying = 0;
  for (int round = 0; round < 300; ++round) {
    dying = counter(group.dir(), "cgroup.stat", "nr_dying_descendants");
    if (dying == 0) {
      break;
    }
    (void)::poll(nullptr, 0, 100);
  }
  EXPECT_EQ(dying, 0U);
}

// Groups cost memory themselves, charged to their parent.
TEST_F(CgroupInterface, ChildGroupsAreChargedToTheirParent) {
  constexpr int kGroups = 200;
  const auto group = make();
  must(group.dir().write("cgroup.subtree_control", "+memory"));
  in_group(make_below(group.dir(), "maker"), [&group] {
    for (int i = 0; i < kGroups; ++i) {
      (void)::mkdir((group.dir().path() / fmt::format("g{}", i)).c_str(), 0755);
    }
  });
  const auto current = number(group.dir(), "memory.current");
  const auto percpu = counter(group.dir(), "memory.stat", "percpu");
  const auto slab = counter(group.dir(), "memory.stat", "slab");
  EXPECT_GT(percpu + slab, kGroups * std::uint64_t{4096});
  const auto processors = static_cast<std::uint64_t>(::sysconf(_SC_NPROCESSORS_CONF));
  // As the kernel's own test allows (MAX_VMSTAT_ERROR), and what else the maker took: stacks, page tables.
  EXPECT_NEAR(static_cast<double>(current), static_cast<double>(percpu + slab),
              static_cast<double>(processors * kChargeBatch + kMiB));
}

// Huge pages of the pool are charged only where the mount asks for it (6.7), and then when they are touched.
TEST_F(CgroupInterface, HugetlbIsChargedWhereTheMountSaysSo) {
  constexpr std::uint64_t kHugePages = 8 * kMiB;
  if (::getenv("OOMLAB_REQUIRE_KERNEL") == nullptr) {
    GTEST_SKIP() << "it changes the whole machine: run in the micro-VM";
  }
  const base::Fd pool(::open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC));
  ASSERT_TRUE(base::write_all(pool.get(), "8"));
  if (::mount("none", mount_.c_str(), nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC,
              "memory_hugetlb_accounting") != 0) {
    GTEST_SKIP() << "this kernel has no memory_hugetlb_accounting: use 6.7 or later";
  }
  const auto group = make();
  in_group(group.dir(), [&group] {
    const auto before = number(group.dir(), "memory.current");
    constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    void* const mapped = ::mmap(nullptr, kHugePages, PROT_READ | PROT_WRITE, kFlags, -1, 0);
    const auto reserved = number(group.dir(), "memory.current");
    for (std::uint64_t at = 0; mapped != MAP_FAILED && at < kHugePages; at += 2 * kMiB) {
      static_cast<volatile char*>(mapped)[at] = 1;
    }
    const auto touched = number(group.dir(), "memory.current");
    (void)::munmap(mapped, kHugePages);
    const auto unmapped = number(group.dir(), "memory.current");
    const bool as_promised =
        mapped != MAP_FAILED && reserved < before + kMiB && touched >= before + kHugePages && unmapped < before + kMiB;
    if (!as_promised) {
      fmt::print(stderr, "before {}, reserved {}, touched {}, unmapped {}\n", before, reserved, touched, unmapped);
      ::_exit(2);
    }
  });
  (void)::mount("none", mount_.c_str(), nullptr, MS_REMOUNT | MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
  (void)base::write_all(pool.get(), "0");
}

}  // namespace

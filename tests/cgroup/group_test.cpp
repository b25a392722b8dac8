#include "cgroup/group.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include "cgroup/limits.h"
#include "cgroup/removal.h"
#include "cgroup/spawn.h"
#include "tests/support/fake_cgroup.h"

namespace {

using namespace std::chrono_literals;
using base::ErrorKind;
using cgroup::Group;
using cgroup::Limit;
using cgroup::Limits;
using support::FakeCgroup;
using support::must;
using ::testing::MatchesRegex;

constexpr std::uint64_t kMiB = 1024 * 1024;

TEST(Dir, NamesTheFileAndTheText) {
  const FakeCgroup fake{{"memory.max", "max\n"}};
  const auto dir = fake.dir();
  EXPECT_EQ(must(dir.read("memory.max")), "max\n");
  must(dir.write("memory.max", "4096"));
  EXPECT_EQ(fake.read("memory.max"), "4096");
  EXPECT_TRUE(dir.has("memory.max"));
  EXPECT_FALSE(dir.has("memory.high"));
  EXPECT_EQ(dir.read("memory.high").error().message,
            (fake.path() / "memory.high").native() + ": No such file or directory");
  EXPECT_EQ(dir.write("memory.high", "1").error().sys_errno, ENOENT) << "a write never makes a file";
  EXPECT_EQ(cgroup::Dir::open(fake.path() / "none").error().sys_errno, ENOENT);
  EXPECT_EQ(cgroup::Dir::open(fake.path() / "memory.max").error().sys_errno, ENOTDIR);
}

TEST(Dir, IsNotMistakenForItsSuccessor) {
  const FakeCgroup fake{{"box/memory.max", "1\n"}};
  const auto dir = must(cgroup::Dir::open(fake.path() / "box"));
  std::filesystem::rename(fake.path() / "box", fake.path() / "old");
  fake.write("box/memory.max", "2\n");
  EXPECT_EQ(must(dir.read("memory.max")), "1\n");
}

TEST(TakeSnapshot, ReadsWhatIsThere) {
  const FakeCgroup fake{{"memory.current", "8192\n"},
                        {"memory.peak", "67108864\n"},
                        {"memory.max", "67108864\n"},
                        {"memory.high", "max\n"},
                        {"memory.swap.max", "0\n"},
                        {"memory.oom.group", "1\n"},
                        {"memory.stat", "anon 4096\nfile 0\n"},
                        {"memory.events", "low 0\nhigh 0\nmax 35\noom 1\noom_kill 1\n"},
                        {"memory.pressure", "some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n"},
                        {"memory.numa_stat", "anon N0=4096\n"}};
  const auto now = cgroup::take_snapshot(fake.dir());
  EXPECT_EQ(now.memory_current, 8192U);
  EXPECT_EQ(now.memory_peak, 64 * kMiB);
  EXPECT_EQ(now.memory_max, Limit{64 * kMiB});
  EXPECT_EQ(now.memory_high, Limit{});
  EXPECT_EQ(now.swap_max, Limit{0});
  EXPECT_EQ(now.oom_group, true);
  EXPECT_EQ(now.memory_stat.size(), 2U);
  EXPECT_EQ(now.events->oom_kill, 1U);
  EXPECT_EQ(now.pressure->some->total, 7us);
  EXPECT_EQ(now.numa_stat.size(), 1U);
  EXPECT_EQ(now.swap_current, std::nullopt);
  EXPECT_EQ(now.events_local, std::nullopt);
}

TEST(TakeSnapshot, OfNothingIsNothing) {
  const FakeCgroup fake{{"memory.current", "garbage"}, {"memory.stat", "anon"}};
  const auto now = cgroup::take_snapshot(fake.dir());
  EXPECT_EQ(now.memory_current, std::nullopt);
  EXPECT_TRUE(now.memory_stat.empty());
}

// --- limits

struct LimitsCase {
  const char* name;
  Limits wanted;
  bool has_swap;
  const char* file;  // what is left out of the folder, or ""
  const char* error;
};
class RefusedLimits : public ::testing::TestWithParam<LimitsCase> {};

FakeCgroup all_files() {
  return {{"memory.max", "max\n"}, {"memory.high", "max\n"},     {"memory.min", "0\n"},
          {"memory.low", "0\n"},   {"memory.swap.max", "max\n"}, {"memory.zswap.max", "max\n"},
          {"pids.max", "max\n"},   {"memory.oom.group", "0\n"}};
}

TEST_P(RefusedLimits, SayWhatIsMissing) {
  const auto& row = GetParam();
  const auto fake = all_files();
  fake.remove(row.file);
  const auto applied = cgroup::apply_limits(fake.dir(), row.wanted, row.has_swap);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().kind, ErrorKind::unsupported);
  EXPECT_EQ(applied.error().message, row.error);
  EXPECT_NE(applied.error().remedy, "");
}
INSTANTIATE_TEST_SUITE_P(
    All, RefusedLimits,
    ::testing::Values(LimitsCase{"Swap",
                                 {.swap_max = Limit{0}},
                                 true,
                                 "memory.swap.max",
                                 "memory.swap.max: asked for 0, but this kernel has no such limit here"},
                      LimitsCase{"SwapSize",
                                 {.swap_max = Limit{kMiB}},
                                 false,
                                 "memory.swap.max",
                                 "memory.swap.max: asked for 1048576, but this kernel has no such limit here"},
                      LimitsCase{"Zswap",
                                 {.zswap_max = Limit{kMiB}},
                                 false,
                                 "memory.zswap.max",
                                 "memory.zswap.max: asked for 1048576, but this kernel has no such limit here"},
                      LimitsCase{"Memory",
                                 {.memory_max = Limit{0}},
                                 false,
                                 "memory.max",
                                 "memory.max: asked for 0, but this kernel has no such limit here"},
                      LimitsCase{"Pids",
                                 {.pids_max = Limit{}},
                                 false,
                                 "pids.max",
                                 "pids.max: asked for max, but this kernel has no such limit here"},
                      LimitsCase{"OomGroup",
                                 {.oom_group = true},
                                 false,
                                 "memory.oom.group",
                                 "memory.oom.group: asked for 1, but this kernel has no such switch here"}),
    [](const auto& row) { return row.param.name; });

TEST(ApplyLimits, WritesEachAndReadsItBack) {
  const auto fake = all_files();
  const Limits wanted{.memory_max = Limit{64 * kMiB},
                      .memory_high = Limit{48 * kMiB},
                      .memory_min = Limit{kMiB},
                      .memory_low = Limit{2 * kMiB},
                      .swap_max = Limit{0},
                      .zswap_max = Limit{},
                      .pids_max = Limit{33},
                      .oom_group = true};
  const auto got = must(cgroup::apply_limits(fake.dir(), wanted, true));
  EXPECT_EQ(fake.read("memory.max"), "67108864");
  EXPECT_EQ(fake.read("memory.high"), "50331648");
  EXPECT_EQ(fake.read("memory.min"), "1048576");
  EXPECT_EQ(fake.read("memory.low"), "2097152");
  EXPECT_EQ(fake.read("memory.swap.max"), "0");
  EXPECT_EQ(fake.read("memory.zswap.max"), "max");
  EXPECT_EQ(fake.read("pids.max"), "33");
  EXPECT_EQ(fake.read("memory.oom.group"), "1");
  EXPECT_EQ(got.memory_max, wanted.memory_max);
  EXPECT_EQ(got.zswap_max, Limit{});
  EXPECT_EQ(got.oom_group, true);
}

TEST(ApplyLimits, LeavesWhatIsNotAsked) {
  const auto fake = all_files();
  const auto got = must(cgroup::apply_limits(fake.dir(), {}, true));
  EXPECT_EQ(fake.read("memory.max"), "max\n");
  EXPECT_EQ(got.memory_max, std::nullopt);
  EXPECT_EQ(got.oom_group, std::nullopt);
}

TEST(ApplyLimits, NothingToSwapToNeedsNoLimitOfIt) {
  const FakeCgroup fake{{"memory.max", "max\n"}};
  const auto got = must(cgroup::apply_limits(
      fake.dir(), {.memory_max = Limit{kMiB}, .swap_max = Limit{0}, .zswap_max = Limit{0}, .oom_group = false}, false));
  EXPECT_EQ(got.memory_max, Limit{kMiB});
  EXPECT_EQ(got.swap_max, std::nullopt);
  EXPECT_EQ(got.zswap_max, std::nullopt);
  EXPECT_EQ(got.oom_group, std::nullopt);
}

// A control file that shows something else than what was written: /dev/null shows nothing, a FIFO cannot be used here,
// so a link to a read-only answer does.
TEST(ApplyLimits, RefusesAnythingButRoundingToAPage) {
  const FakeCgroup fake{{"memory.oom.group", "0\n"}};
  std::filesystem::create_symlink("/dev/null", fake.path() / "memory.max");
  const auto applied = cgroup::apply_limits(fake.dir(), {.memory_max = Limit{kMiB}}, false);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().message,
            (fake.path() / "memory.max").native() + ": expected a number below 2^64 or 'max', got ''");
}

TEST(LimitTook, RoundsDownToThePageOnly) {
  EXPECT_TRUE(cgroup::limit_took(Limit{8192}, Limit{8192}, 4096));
  EXPECT_TRUE(cgroup::limit_took(Limit{8193}, Limit{8192}, 4096));
  EXPECT_TRUE(cgroup::limit_took(Limit{4095}, Limit{0}, 4096));
  EXPECT_TRUE(cgroup::limit_took(Limit{}, Limit{}, 4096));
  EXPECT_FALSE(cgroup::limit_took(Limit{8192}, Limit{4096}, 4096));
  EXPECT_FALSE(cgroup::limit_took(Limit{8192}, Limit{12288}, 4096));
  EXPECT_FALSE(cgroup::limit_took(Limit{8192}, Limit{}, 4096));
  EXPECT_FALSE(cgroup::limit_took(Limit{}, Limit{8192}, 4096));
  EXPECT_FALSE(cgroup::limit_took(Limit{7}, Limit{0}, 1));
}

TEST(NamesSwapArea, LooksBelowTheHeading) {
  EXPECT_FALSE(cgroup::names_swap_area("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"));
  EXPECT_TRUE(
      cgroup::names_swap_area("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/zram0 partition 1 0 100\n"));
  EXPECT_FALSE(cgroup::names_swap_area(""));
}

// --- groups in an ordinary folder: it has no control files, so limits are not asked

std::vector<std::string> folders_in(const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

TEST(Group, IsMadeLockedAndRemoved) {
  const FakeCgroup parent{};
  {
    auto group = must(Group::create(parent.path(), "anon", {}));
    ASSERT_EQ(folders_in(parent.path()).size(), 1U);
    EXPECT_THAT(folders_in(parent.path())[0], MatchesRegex("oomlab-anon\\.[a-z2-7]{6}"));
    EXPECT_EQ(group.kernel_path(), "/" + folders_in(parent.path())[0]);
    const auto other = must(cgroup::Dir::open(group.dir().path()));
    EXPECT_EQ(::flock(other.fd(), LOCK_EX | LOCK_NB), -1);
    EXPECT_EQ(errno, EWOULDBLOCK);
    EXPECT_EQ(must(cgroup::sweep(parent.path())), 0U);
    must(group.remove(1s));
    EXPECT_TRUE(folders_in(parent.path()).empty());
    must(group.remove(1s));
  }
}

TEST(Group, NamesAreMadeHarmless) {
  const FakeCgroup parent{};
  const auto group = must(Group::create(parent.path(), "../a b/\x1b" + std::string(100, 'x'), {}));
  EXPECT_THAT(folders_in(parent.path())[0], MatchesRegex("oomlab-\\.\\._a_b__x{56}\\.[a-z2-7]{6}"));
  const auto nameless = must(Group::create(parent.path(), "", {}));
  EXPECT_THAT(nameless.dir().path().filename().native(), MatchesRegex("oomlab-group\\..*"));
}

TEST(Group, IsRemovedByTheDestructorWithAllBelow) {
  const FakeCgroup parent{};
  {
    const auto group = must(Group::create(parent.path(), "tree", {}));
    std::filesystem::create_directories(group.dir().path() / "a/b/c");
    std::filesystem::create_directories(group.dir().path() / "d");
  }
  EXPECT_TRUE(folders_in(parent.path()).empty());
}

TEST(Group, LeavesNothingBehindWhenALimitIsRefused) {
  const FakeCgroup parent{};
  const auto group = Group::create(parent.path(), "x", {.memory_max = Limit{kMiB}});
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().message, "memory.max: asked for 1048576, but this kernel has no such limit here");
  EXPECT_TRUE(folders_in(parent.path()).empty());
}

TEST(Group, NamesAParentThatIsNotThere) {
  const auto group = Group::create("/no/such/cgroup", "x", {});
  ASSERT_FALSE(group);
  EXPECT_THAT(group.error().message,
              MatchesRegex("making the cgroup /no/such/cgroup/oomlab-x\\..*: No such file or directory"));
}

TEST(Group, MovedFromOnesAreHarmless) {
  const FakeCgroup parent{};
  auto first = must(Group::create(parent.path(), "one", {}));
  auto second = std::move(first);
  EXPECT_FALSE(first.kill());  // NOLINT(bugprone-use-after-move): that is what is tested
  must(first.remove(1s));
  EXPECT_EQ(folders_in(parent.path()).size(), 1U);
  auto third = must(Group::create(parent.path(), "two", {}));
  third = std::move(second);
  ASSERT_EQ(folders_in(parent.path()).size(), 1U) << "the one it held is removed";
  EXPECT_THAT(folders_in(parent.path())[0], MatchesRegex("oomlab-one\\..*"));
  auto& same = third;
  third = std::move(same);
  EXPECT_EQ(folders_in(parent.path()).size(), 1U);
}

TEST(Sweep, RemovesWhatNobodyHolds) {
  const FakeCgroup parent{};
  std::filesystem::create_directories(parent.path() / "oomlab-old.aaaaaa/child");
  std::filesystem::create_directories(parent.path() / "oomlab-older.bbbbbb");
  std::filesystem::create_directories(parent.path() / "oomlab.self");
  std::filesystem::create_directories(parent.path() / "system.slice");
  const auto held = must(Group::create(parent.path(), "held", {}));
  EXPECT_EQ(must(cgroup::sweep(parent.path())), 2U);
  EXPECT_THAT(folders_in(parent.path()),
              ::testing::UnorderedElementsAre("oomlab.self", "system.slice", held.dir().path().filename()));
  EXPECT_EQ(cgroup::sweep("/no/such/cgroup").error().sys_errno, ENOENT);
}

TEST(WaitUntilEmpty, SaysHowManyAreLeft) {
  const FakeCgroup fake{{"cgroup.events", "populated 1\nfrozen 0\n"},
                        {"cgroup.procs", "999999998\n"},
                        {"child/cgroup.procs", "999999999\n"}};
  const auto waited = cgroup::wait_until_empty(fake.dir(), 1ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, ErrorKind::timeout);
  EXPECT_EQ(waited.error().message, fake.path().native() + ": still 2 processes in it after 1 ms");
  fake.write("cgroup.events", "populated 0\nfrozen 0\n");
  must(cgroup::wait_until_empty(fake.dir(), 1ms));
}

TEST(KillAll, WritesCgroupKill) {
  const FakeCgroup fake{{"cgroup.kill", ""}};
  must(cgroup::kill_all(fake.dir()));
  EXPECT_EQ(fake.read("cgroup.kill"), "1");
}

// Before 5.14: the tree is frozen and each process gets its SIGKILL; 0 (a process outside our PID namespace) must not
// become "my process group".
TEST(KillAll, SignalsEachWithoutCgroupKill) {
  const std::vector<std::string> environment = {"PATH=/usr/bin:/bin"};
  const auto first = must(cgroup::spawn({.argv = {"sleep", "100"}, .environment = environment}, nullptr));
  const auto second = must(cgroup::spawn({.argv = {"sleep", "100"}, .environment = environment}, nullptr));
  const FakeCgroup fake{{"cgroup.events", "populated 0\nfrozen 1\n"},
                        {"cgroup.freeze", "0\n"},
                        {"cgroup.procs", "0\n" + std::to_string(first.pid) + "\n"},
                        {"child/cgroup.procs", std::to_string(second.pid) + "\n"}};
  must(cgroup::kill_all(fake.dir()));
  EXPECT_EQ(must(cgroup::wait(first)), base::ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(must(cgroup::wait(second)), base::ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(fake.read("cgroup.freeze"), "0") << "thawed";
}

// --- the guard, over an ordinary folder

TEST(Guard, ReleasedLeavesTheGroup) {
  const FakeCgroup parent{};
  const auto group = must(Group::create(parent.path(), "guarded", {}));
  {
    auto guard = must(cgroup::Guard::start(group));
    auto moved = std::move(guard);
    moved = must(cgroup::Guard::start(group));  // the first one is released, not let loose
  }
  EXPECT_EQ(folders_in(parent.path()).size(), 1U);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "both were reaped";
}

TEST(Guard, RemovesTheGroupOfAKilledOwnerAndHoldsNoPipe) {
  const FakeCgroup parent{};
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const auto group = Group::create(parent.path(), "orphan", {});
    const auto guard =
        group ? cgroup::Guard::start(*group) : base::Result<cgroup::Guard>(std::unexpected(group.error()));
    (void)!::write(writing.get(), guard ? "y" : "n", 1);
    (void)::pause();
    ::_exit(1);
  }
  writing.reset();
  char answer = 0;
  ASSERT_EQ(::read(reading.get(), &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  const auto folder = parent.path() / folders_in(parent.path()).at(0);
  const auto locked = must(cgroup::Dir::open(folder));
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  ASSERT_EQ(::waitpid(owner, nullptr, 0), owner);
  EXPECT_EQ(::read(reading.get(), &answer, 1), 0) << "the guard must not keep the pipe open";
  ASSERT_EQ(::flock(locked.fd(), LOCK_EX), 0);  // free when the guard has ended, having removed the folder
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace

// The cgroup library on a real kernel: what no ordinary folder can show. Needs a writable cgroup2 with the memory
// controller; skips with the reason where there is none, or fails with it when OOMLAB_REQUIRE_KERNEL=1 is set (the
// micro-VM sets it). This program is also the commands that it spawns.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <functional>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "cgroup/delegation.h"
#include "cgroup/facts.h"
#include "cgroup/group.h"
#include "cgroup/limits.h"
#include "cgroup/recorder.h"
#include "cgroup/removal.h"
#include "cgroup/spawn.h"
#include "tests/support/fake_cgroup.h"

namespace {

using namespace std::chrono_literals;
using cgroup::Group;
using cgroup::Limit;
using cgroup::Limits;
using cgroup::Placement;
using support::must;
using ::testing::HasSubstr;

constexpr std::uint64_t kMiB = 1024 * 1024;
constexpr auto kPatience = 20s;  // generous: under software emulation on a busy machine

Limits memory_limit(std::uint64_t bytes) {
  return {.memory_max = Limit{bytes}, .swap_max = Limit{0}};
}

// --- the commands, by the name after "--child"

int show_cgroup() {
  const auto text = must(base::read_all("/proc/self/cgroup"));
  must(base::write_all(1, text));
  return 0;
}

// Touches that many MiB, a page at a time, and keeps them. Without a reserve: it may be more than a small guest has.
int fill(std::size_t mib) {
  const std::size_t bytes = mib * kMiB;
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  for (std::size_t at = 0; memory != MAP_FAILED && at < bytes; at += 4096) {
    static_cast<volatile char*>(memory)[at] = 1;
  }
  return 0;
}

// Says so and never ends, with children and grandchildren that do the same.
int make_tree() {
  for (int i = 0; i < 4; ++i) {
    if (::fork() == 0) {
      if (::fork() == 0) {
        for (;;) {
          ::pause();
        }
      }
      for (;;) {
        ::pause();
      }
    }
  }
  must(base::write_all(1, "ready\n"));
  for (;;) {
    ::pause();
  }
}

// Forks and ends, over and over: always another process.
int keep_forking() {
  must(base::write_all(1, "ready\n"));
  for (;;) {
    if (::fork() != 0) {
      ::_exit(0);
    }
  }
}

int run_child(std::string_view name) {
  if (name == "cgroup") {
    return show_cgroup();
  }
  if (name == "fill") {
    return fill(512);
  }
  if (name == "tree") {
    return make_tree();
  }
  if (name == "forks") {
    return keep_forking();
  }
  return 7;
}

// --- what the tests share

// The folder that holds our groups, prepared once; or why there is none.
base::Result<std::filesystem::path> parent_folder() {
  static const auto parent = []() -> base::Result<std::filesystem::path> {
    TRY_ASSIGN(const auto hierarchy, cgroup::find_own_hierarchy());
    return cgroup::make_ready(cgroup::find_delegation(hierarchy));
  }();
  return parent;
}

struct Started {
  cgroup::Spawned child;
  base::Fd output;
};

class CgroupKernel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto parent = parent_folder();
    if (parent) {
      parent_ = *parent;
      return;
    }
    const auto reason = parent.error().message + "\n" + parent.error().remedy;
    const char* const required = std::getenv("OOMLAB_REQUIRE_KERNEL");
    if (required != nullptr && std::string_view(required) == "1") {
      FAIL() << reason;
    }
    GTEST_SKIP() << reason;
  }

  [[nodiscard]] Group make(const Limits& limits) const { return must(Group::create(parent_, "test", limits)); }

  static cgroup::SpawnRequest request(const std::string& child) {
    return {.argv = {"/proc/self/exe", "--child", child}, .environment = {"PATH=/bin"}};
  }

  static Started start(const std::string& child, const Group& group, bool die_with_parent = true,
                       Placement placement = Placement::automatic) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const base::Fd writing(ends[1]);
    auto wanted = request(child);
    wanted.stdout_fd = writing.get();
    wanted.die_with_parent = die_with_parent;
    return {must(cgroup::spawn(wanted, &group, placement)), base::Fd(ends[0])};
  }

  static void wait_until_ready(const Started& started) {
    char text[6] = {};
    ASSERT_EQ(::read(started.output.get(), text, sizeof text), 6);
  }

  static std::size_t processes_of(const cgroup::Dir& dir) {
    const auto text = must(dir.read("cgroup.procs"));
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
  }

  // Runs the act in a child of ours that is killed once it said so, and returns what it said: a cgroup's folder.
  static std::filesystem::path killed_owner(const std::function<std::string()>& act) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const base::Fd reading(ends[0]);
    base::Fd writing(ends[1]);
    const pid_t owner = ::fork();
    if (owner == 0) {
      const auto path = act();  // its objects live on: see below
      must(base::write_all(writing.get(), path + "\n"));
      for (;;) {
        ::pause();
      }
    }
    writing.reset();
    std::string said;
    for (char c = 0; ::read(reading.get(), &c, 1) == 1 && c != '\n';) {
      said += c;
    }
    EXPECT_EQ(::kill(owner, SIGKILL), 0);
    EXPECT_EQ(::waitpid(owner, nullptr, 0), owner);
    return said;
  }

  std::filesystem::path parent_;
};

class CgroupKernelSpawn : public CgroupKernel, public ::testing::WithParamInterface<Placement> {};
INSTANTIATE_TEST_SUITE_P(Both, CgroupKernelSpawn, ::testing::Values(Placement::automatic, Placement::moves_itself),
                         [](const auto& row) { return row.param == Placement::automatic ? "Cloned" : "Forked"; });

// --- limits

TEST_F(CgroupKernel, LimitsAreSetAndReadBack) {
  Limits wanted = memory_limit(64 * kMiB);
  wanted.memory_high = Limit{48 * kMiB};
  wanted.memory_low = Limit{kMiB};
  wanted.memory_min = Limit{kMiB};
  wanted.pids_max = Limit{100};
  wanted.oom_group = true;
  const auto group = make(wanted);
  const auto now = cgroup::take_snapshot(group.dir());
  EXPECT_EQ(now.memory_max, Limit{64 * kMiB});
  EXPECT_EQ(now.memory_high, Limit{48 * kMiB});
  EXPECT_EQ(now.memory_low, Limit{kMiB});
  EXPECT_EQ(now.oom_group, true);
  EXPECT_EQ(group.limits().memory_max, wanted.memory_max);
  EXPECT_EQ(group.limits().pids_max, wanted.pids_max);
  EXPECT_EQ(now.memory_current, 0U);
  EXPECT_EQ(now.events->oom_kill, 0U);
}

TEST_F(CgroupKernel, LimitsAreRoundedDownToAPage) {
  EXPECT_EQ(make(memory_limit(64 * kMiB + 1)).limits().memory_max, Limit{64 * kMiB});
}

TEST_F(CgroupKernel, LimitsThatDoNotTakeAreRefused) {
  const auto before = must(base::read_all((parent_ / "cgroup.stat")));
  const auto too_many = Group::create(parent_, "test", {.pids_max = Limit{std::uint64_t{1} << 40}});
  ASSERT_FALSE(too_many);
  EXPECT_EQ(too_many.error().kind, base::ErrorKind::unsupported);
  EXPECT_THAT(too_many.error().message, HasSubstr("pids.max: writing '1099511627776': Invalid argument"));
  const auto too_large = Group::create(parent_, "test", {.memory_max = Limit{~std::uint64_t{0}}});
  ASSERT_FALSE(too_large);
  EXPECT_EQ(too_large.error().message, "memory.max: asked for 18446744073709551615, but the kernel has max");
  const auto nr = [](const std::string& text) { return text.substr(0, text.find('\n')); };
  EXPECT_EQ(nr(must(base::read_all(parent_ / "cgroup.stat"))), nr(before)) << "nothing left behind";
}

// --- spawn

TEST_P(CgroupKernelSpawn, TheChildIsInTheGroup) {
  const auto group = make(memory_limit(64 * kMiB));
  const auto started = start("cgroup", group, true, GetParam());
  const auto text = must(base::read_all(started.output.get()));
  EXPECT_THAT(text, HasSubstr("0::" + group.kernel_path() + "\n"));
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.exit_code = 0});
}

TEST_P(CgroupKernelSpawn, OurOwnCgroupStays) {
  const auto before = must(base::read_all("/proc/self/cgroup"));
  const auto group = make(memory_limit(64 * kMiB));
  EXPECT_EQ(must(cgroup::wait(start("exit", group, true, GetParam()).child)), base::ExitStatus{.exit_code = 7});
  EXPECT_EQ(must(base::read_all("/proc/self/cgroup")), before);
}

TEST_P(CgroupKernelSpawn, AFullGroupRefuses) {
  const auto group = make({.pids_max = Limit{0}});
  const auto child = cgroup::spawn(request("exit"), &group, GetParam());
  // Cloning into it fails; moving into it is not limited by pids.max, so what runs then is one process over it.
  EXPECT_EQ(child.has_value(), GetParam() == Placement::moves_itself);
  if (child) {
    EXPECT_EQ(must(cgroup::wait(*child)), base::ExitStatus{.exit_code = 7});
  } else {
    EXPECT_EQ(child.error().message,
              "clone3 into " + group.dir().path().native() + ": Resource temporarily unavailable");
  }
}

// The child shares our memory until its exec: the kernel must kill it, not us, or let its exec fail.
TEST_P(CgroupKernelSpawn, AGroupWithoutMemoryCannotHurtUs) {
  for (const bool oom_group : {false, true}) {
    auto limits = memory_limit(4096);
    limits.oom_group = oom_group;
    const auto group = make(limits);
    const auto child = cgroup::spawn(request("exit"), &group, GetParam());
    if (child) {
      EXPECT_EQ(must(cgroup::wait(*child)), base::ExitStatus{.signal = SIGKILL});
    } else {
      EXPECT_EQ(child.error().kind, base::ErrorKind::usage) << child.error().message;
    }
  }
}

// --- the kill

TEST_P(CgroupKernelSpawn, TheKernelKillsAtTheLimit) {
  auto group = make(memory_limit(64 * kMiB));
  const auto started = start("fill", group, true, GetParam());
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.signal = SIGKILL});
  const auto now = cgroup::take_snapshot(group.dir());
  EXPECT_EQ(now.events->oom_kill, 1U);
  EXPECT_EQ(now.events->oom, 1U);
  EXPECT_GT(*now.events->max, 0U);
  if (now.memory_peak) {  // from 5.19 on
    EXPECT_LE(*now.memory_peak, 64 * kMiB);
    EXPECT_GE(*now.memory_peak, 64 * kMiB - 4096);
  }
  must(group.remove(kPatience));
}

TEST_F(CgroupKernel, TheRecorderSeesTheRiseAndTheKill) {
  const auto group = make(memory_limit(64 * kMiB));
  auto recorder = must(cgroup::Recorder::create(group.dir()));
  const auto started = start("fill", group);
  unsigned kills = 0;
  pollfd watched[] = {{.fd = recorder.event_fd(), .events = POLLIN, .revents = 0},
                      {.fd = started.child.pidfd.get(), .events = POLLIN, .revents = 0}};
  // kernfs may tell of the kill up to 10 ms after it, and after the child's end.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while ((watched[1].revents == 0 || kills == 0) && std::chrono::steady_clock::now() < deadline) {
    watched[1].fd = watched[1].revents != 0 ? -1 : watched[1].fd;
    const bool ended = watched[1].fd < 0;
    (void)::poll(watched, 2, 1);
    watched[1].revents = ended ? POLLIN : watched[1].revents;
    recorder.sample();
    if (watched[0].revents != 0) {
      kills += recorder.on_event() ? 1U : 0U;
    }
  }
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(kills, 1U);
  EXPECT_EQ(recorder.events().oom_kill, 1U);
  const auto samples = recorder.samples();
  std::uint64_t highest = 0;
  for (const auto& sample : samples) {
    highest = std::max(highest, sample.memory.value_or(0));
  }
  EXPECT_LT(samples.front().memory.value(), 16 * kMiB);
  EXPECT_GT(highest, 40 * kMiB);
  EXPECT_LE(highest, 64 * kMiB);
  EXPECT_GT(cgroup::find(recorder.stat_at_peak(), "anon").value_or(0), 40 * kMiB);
}

TEST_F(CgroupKernel, TheRecorderOutlivesTheCgroup) {
  auto group = make(memory_limit(64 * kMiB));
  auto recorder = must(cgroup::Recorder::create(group.dir()));
  EXPECT_EQ(must(cgroup::wait(start("exit", group).child)), base::ExitStatus{.exit_code = 7});
  recorder.sample();
  const auto before = recorder.samples().size();
  must(group.remove(kPatience));
  recorder.sample();
  EXPECT_FALSE(recorder.on_event());
  EXPECT_EQ(recorder.samples().size(), before);
  EXPECT_EQ(recorder.events().oom_kill, 0U);
}

// --- the end of a group

TEST_F(CgroupKernel, KillEndsATree) {
  auto group = make({});
  const auto started = start("tree", group);
  wait_until_ready(started);
  EXPECT_GE(processes_of(group.dir()), 5U);
  must(group.kill());
  must(group.wait_empty(kPatience));
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.signal = SIGKILL});
  must(group.remove(kPatience));
}

TEST_F(CgroupKernel, KillWithoutCgroupKillEndsATreeAndForks) {
  for (const std::string child : {"tree", "forks"}) {
    auto group = make({});
    const auto started = start(child, group);
    wait_until_ready(started);
    must(cgroup::kill_each(group.dir()));
    must(group.wait_empty(kPatience));
    EXPECT_EQ(must(group.dir().read("cgroup.freeze")), "0\n");
    must(group.remove(kPatience));
    (void)cgroup::wait(started.child);
  }
}

TEST_F(CgroupKernel, WaitEmptyTellsHowManyAreLeft) {
  const auto group = make({});
  const auto started = start("tree", group);
  wait_until_ready(started);
  const auto waited = group.wait_empty(1ms);
  ASSERT_FALSE(waited);
  EXPECT_EQ(waited.error().kind, base::ErrorKind::timeout);
  EXPECT_THAT(waited.error().message, HasSubstr("processes in it after 1 ms"));
}

TEST_F(CgroupKernel, RemoveTakesNestedOnesAndZombies) {
  auto group = make({});
  const auto path = group.dir().path();
  std::filesystem::create_directories(path / "a/b");
  const auto started = start("tree", group);
  wait_until_ready(started);
  must(must(cgroup::Dir::open(path / "a/b")).write("cgroup.procs", std::to_string(started.child.pid)));
  must(group.remove(kPatience));  // the child stays a zombie until the wait below
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.signal = SIGKILL});
}

TEST_F(CgroupKernel, TheDestructorLeavesNothing) {
  std::filesystem::path path;
  Started started;
  {
    const auto group = make({});
    path = group.dir().path();
    started = start("tree", group);
    wait_until_ready(started);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(must(cgroup::wait(started.child)), base::ExitStatus{.signal = SIGKILL});
}

// The owner's objects are leaked on purpose: a SIGKILL runs no destructors.
TEST_F(CgroupKernel, TheGuardCleansUpAfterAKilledOwner) {
  const auto folder = killed_owner([this] {
    auto* const group = new Group(make({}));
    auto* const guard = new cgroup::Guard(must(cgroup::Guard::start(*group)));
    auto* const started = new Started(start("tree", *group, false));
    wait_until_ready(*started);
    (void)guard;
    return group->dir().path().native();
  });
  // Open before the guard is done or not at all: its end frees the lock.
  if (const auto dir = cgroup::Dir::open(folder)) {
    EXPECT_EQ(::flock(dir->fd(), LOCK_EX), 0);
  }
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(CgroupKernel, TheNextStartSweepsWhatAKilledOwnerLeft) {
  const auto folder = killed_owner([this] {
    auto* const group = new Group(make({}));
    wait_until_ready(*new Started(start("tree", *group, false)));
    return group->dir().path().native();
  });
  EXPECT_TRUE(std::filesystem::exists(folder));
  const auto kept = make({});
  EXPECT_EQ(must(cgroup::sweep(parent_)), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder));
  EXPECT_TRUE(std::filesystem::exists(kept.dir().path()));
}

// --- delegation: alone in a cgroup that is not the root, without systemd, this process steps aside, and finds that
// again the next time

TEST_F(CgroupKernel, StepsAsideOnce) {
  if (std::filesystem::exists("/run/systemd/system")) {
    GTEST_SKIP() << "systemd rules this machine: run in the micro-VM";
  }
  const auto group = make(memory_limit(256 * kMiB));
  const pid_t tester = ::fork();
  if (tester == 0) {
    must(group.dir().write("cgroup.procs", "0"));
    const auto first = cgroup::find_delegation(must(cgroup::find_own_hierarchy()));
    const bool moves = first.access == cgroup::Access::move_self && first.parent == group.dir().path();
    const bool ready = moves && cgroup::make_ready(first).has_value();
    const auto again = cgroup::find_delegation(must(cgroup::find_own_hierarchy()));
    const bool direct = again.access == cgroup::Access::direct && again.parent == group.dir().path();
    int status = (moves ? 0 : 1) + (ready ? 0 : 2) + (direct ? 0 : 4);
    if (status == 0) {
      auto inner = must(Group::create(must(cgroup::make_ready(again)), "inner", memory_limit(32 * kMiB)));
      status = must(cgroup::wait(start("fill", inner).child)) == base::ExitStatus{.signal = SIGKILL} ? 0 : 8;
      must(inner.remove(kPatience));
    }
    ::_exit(status);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(tester, &status, 0), tester);
  EXPECT_EQ(base::ExitStatus::from_wait(status), base::ExitStatus{.exit_code = 0})
      << "1 moved, 2 ready, 4 direct, 8 killed";
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--child") {
    return run_child(argv[2]);
  }
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}

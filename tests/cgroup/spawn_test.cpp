#include "cgroup/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/support/fake_cgroup.h"

namespace {

using base::ErrorKind;
using cgroup::Placement;
using cgroup::SpawnRequest;
using support::must;

const std::string kPath = "PATH=/usr/local/bin:/usr/bin:/bin";

struct Finished {
  base::ExitStatus status;
  std::string output;
};

base::Fd null_device() {
  return base::Fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
}

// Both ways to start a child do the same in everything but the group.
class Spawn : public ::testing::TestWithParam<Placement> {
 protected:
  // Runs it to its end with standard output read from a pipe.
  static Finished run(SpawnRequest request) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const base::Fd reading(ends[0]);
    base::Fd writing(ends[1]);
    request.stdout_fd = writing.get();
    if (request.environment.empty()) {
      request.environment = {kPath};
    }
    const auto child = must(cgroup::spawn(request, nullptr, GetParam()));
    writing.reset();
    auto output = must(base::read_all(reading.get()));
    return {must(cgroup::wait(child)), std::move(output)};
  }

  static base::Error refuse(SpawnRequest request) {
    if (request.environment.empty()) {
      request.environment = {kPath};
    }
    auto child = cgroup::spawn(request, nullptr, GetParam());
    EXPECT_FALSE(child);
    return child ? base::Error{} : child.error();
  }

  base::ScratchDir scratch_ = must(base::ScratchDir::create("oomlab-spawn"));
};

TEST_P(Spawn, ReportsExitCodes) {
  EXPECT_EQ(run({.argv = {"true"}}).status, base::ExitStatus{.exit_code = 0});
  EXPECT_EQ(run({.argv = {"/bin/sh", "-c", "exit 42"}}).status, base::ExitStatus{.exit_code = 42});
  EXPECT_EQ(run({.argv = {"/bin/sh", "-c", "exit 255"}}).status, base::ExitStatus{.exit_code = 255});
}

TEST_P(Spawn, ReportsSignals) {
  EXPECT_EQ(run({.argv = {"sh", "-c", "kill -9 $$"}}).status, base::ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(run({.argv = {"sh", "-c", "kill -TERM $$"}}).status, base::ExitStatus{.signal = SIGTERM});
}

TEST_P(Spawn, PassesArgumentsAndEnvironment) {
  EXPECT_EQ(run({.argv = {"printf", "%s|", "a b", "", "c"}}).output, "a b||c|");
  EXPECT_EQ(run({.argv = {"env"}, .environment = {kPath, "ONE=1", "EMPTY="}}).output, kPath + "\nONE=1\nEMPTY=\n");
}

TEST_P(Spawn, ReportsCommandsThatAreNotFound) {
  for (const std::string command : {"no-such-command-here", "/no/such/command", ""}) {
    const auto error = refuse({.argv = {command}});
    EXPECT_EQ(error.kind, ErrorKind::usage);
    EXPECT_EQ(error.sys_errno, ENOENT);
    EXPECT_EQ(error.message, command + ": not found");
  }
}

TEST_P(Spawn, ReportsCommandsThatAreNotExecutable) {
  const auto file = scratch_.path() / "data";
  std::ofstream(file) << "text";
  const auto error = refuse({.argv = {file.native()}});
  EXPECT_EQ(error.kind, ErrorKind::usage);
  EXPECT_EQ(error.sys_errno, EACCES);
  EXPECT_EQ(error.message, file.native() + ": Permission denied");
}

TEST_P(Spawn, LooksTheCommandUpInThePathOfTheNewEnvironment) {
  const auto program = scratch_.path() / "my-program";
  std::ofstream(program) << "#!/bin/sh\necho found $0\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  const auto folder = scratch_.path().native();
  EXPECT_EQ(run({.argv = {"my-program"}, .environment = {"PATH=/no/such:" + folder}}).output,
            "found " + folder + "/my-program\n");
  EXPECT_EQ(run({.argv = {"my-program"}, .environment = {"PATH=/bin:"}, .working_folder = folder}).output,
            "found ./my-program\n");
}

TEST_P(Spawn, RunsScriptsWithoutFirstLineByTheShell) {
  const auto program = scratch_.path() / "script";
  std::ofstream(program) << "echo shell $1\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  EXPECT_EQ(run({.argv = {program.native(), "works"}}).output, "shell works\n");
}

TEST_P(Spawn, StartsInTheWorkingFolder) {
  EXPECT_EQ(run({.argv = {"pwd"}, .working_folder = scratch_.path().native()}).output, scratch_.path().native() + "\n");
}

TEST_P(Spawn, NamesTheStepThatFailed) {
  const auto folder = refuse({.argv = {"true"}, .working_folder = "/no/such/folder"});
  EXPECT_EQ(folder.message, "working folder /no/such/folder: No such file or directory");
  EXPECT_EQ(folder.kind, ErrorKind::syscall);
  EXPECT_EQ(folder.sys_errno, ENOENT);
  const auto descriptors = refuse({.argv = {"true"}, .stdin_fd = 987});
  EXPECT_EQ(descriptors.message, "standard input, output and error of the command: Bad file descriptor");
  const auto adj = refuse({.argv = {"true"}, .oom_score_adj = 5000});
  EXPECT_EQ(adj.message, "setting oom_score_adj to 5000: Invalid argument");
}

TEST_P(Spawn, LeavesNoZombieWhenItFails) {
  (void)refuse({.argv = {"/no/such/command"}});
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST_P(Spawn, SetsOomScoreAdjOfTheChildOnly) {
  const auto before = must(base::read_all("/proc/self/oom_score_adj"));
  EXPECT_EQ(run({.argv = {"cat", "/proc/self/oom_score_adj"}, .oom_score_adj = 1000}).output, "1000\n");
  EXPECT_EQ(must(base::read_all("/proc/self/oom_score_adj")), before);
}

TEST_P(Spawn, MakesAProcessGroupOnRequest) {
  const std::string group_of_shell = "set -- $(cat /proc/$$/stat); test $5 = $$";
  EXPECT_EQ(run({.argv = {"sh", "-c", group_of_shell}, .new_process_group = true}).status.exit_code, 0);
  EXPECT_EQ(run({.argv = {"sh", "-c", group_of_shell}}).status.exit_code, 1);
}

TEST_P(Spawn, StartsWithCleanSignals) {
  sigset_t blocked, before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  ASSERT_EQ(::sigprocmask(SIG_BLOCK, &blocked, &before), 0);
  const auto old_pipe = ::signal(SIGPIPE, SIG_IGN);
  const auto output = run({.argv = {"grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"}}).output;
  (void)::signal(SIGPIPE, old_pipe);
  ASSERT_EQ(::sigprocmask(SIG_SETMASK, &before, nullptr), 0);
  EXPECT_THAT(output, ::testing::HasSubstr("SigBlk:\t0000000000000000"));
  const auto ignored = output.substr(output.find("SigIgn:\t") + 8, 16);
  EXPECT_EQ(std::stoull(ignored, nullptr, 16) & (1ULL << (SIGPIPE - 1)), 0U) << output;
}

void handle_nothing(int) {}

TEST_P(Spawn, HandlersOfTheParentDoNotReachTheChild) {
  const auto before = ::signal(SIGUSR1, handle_nothing);
  const auto output = run({.argv = {"grep", "^SigCgt", "/proc/self/status"}}).output;
  (void)::signal(SIGUSR1, before);
  EXPECT_EQ(std::stoull(output.substr(8), nullptr, 16) & (1ULL << (SIGUSR1 - 1)), 0U) << output;
}

TEST_P(Spawn, PassesNoDescriptorOfOurs) {
  const auto secret = null_device();
  EXPECT_EQ(run({.argv = {"sh", "-c", fmt::format("test -e /proc/self/fd/{}", secret.get())}}).status.exit_code, 1);
}

TEST_P(Spawn, PassesTheOneDescriptorThatIsMeantForTheCommand) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  const auto finished =
      run({.argv = {"sh", "-c", fmt::format("echo seen >&{}", writing.get())}, .inherited_fd = writing.get()});
  EXPECT_EQ(finished.status, base::ExitStatus{.exit_code = 0});
  EXPECT_NE(::fcntl(writing.get(), F_GETFD) & FD_CLOEXEC, 0) << "ours is as it was";
  writing.reset();
  EXPECT_EQ(must(base::read_all(reading.get())), "seen\n");
}

TEST_P(Spawn, HoldsSignalsBackOnRequest) {
  const auto finished = run({.argv = {"grep", "^SigBlk", "/proc/self/status"}, .held_back = {SIGUSR1, SIGUSR2}});
  EXPECT_EQ(finished.output, "SigBlk:\t0000000000000a00\n");
}

TEST_P(Spawn, DoesNotWaitForTheEndOfTheCommand) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  const auto child =
      must(cgroup::spawn({.argv = {"cat"}, .environment = {kPath}, .stdin_fd = reading.get()}, nullptr, GetParam()));
  EXPECT_EQ(::kill(child.pid, 0), 0);
  writing.reset();
  EXPECT_EQ(must(cgroup::wait(child)), base::ExitStatus{.exit_code = 0});
}

// The child writes "O" to its standard output and "E" to its standard error; the three descriptors are given crosswise.
TEST_P(Spawn, DescriptorsMayOverlapInAnyWay) {
  struct Case {
    const char* name;
    int out, err;  // where the pipes' writing ends are put before
  };
  for (const Case& row : {Case{"swapped", 2, 1}, Case{"stdout in stdin's place", 0, 5}, Case{"rotated", 2, 0}}) {
    SCOPED_TRACE(row.name);
    const auto folder = must(base::ScratchDir::create("oomlab-fds"));
    const auto out_file = folder.path() / "out";
    const auto err_file = folder.path() / "err";
    // In a child of our own, since 0 to 2 are changed.
    const pid_t tester = ::fork();
    if (tester == 0) {
      const int out = ::open(out_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      const int err = ::open(err_file.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
      const int high_out = ::fcntl(out, F_DUPFD_CLOEXEC, 50);
      const int high_err = ::fcntl(err, F_DUPFD_CLOEXEC, 50);
      ::dup2(high_out, row.out);
      ::dup2(high_err, row.err);
      const int free_one = 3 - (row.out < 3 ? row.out : 0) - (row.err < 3 ? row.err : 0);
      const auto child = cgroup::spawn({.argv = {"sh", "-c", "echo O; echo E >&2"},
                                        .environment = {kPath},
                                        .stdin_fd = free_one < 3 ? free_one : 2,
                                        .stdout_fd = row.out,
                                        .stderr_fd = row.err},
                                       nullptr, GetParam());
      ::_exit(child && cgroup::wait(*child) ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(tester, &status, 0), tester);
    EXPECT_EQ(status, 0);
    EXPECT_EQ(must(base::read_all(out_file)), "O\n");
    EXPECT_EQ(must(base::read_all(err_file)), "E\n");
  }
}

// A middleman starts `cat` on a pipe that never ends, says so, and is killed: the cat must die, which closes the other
// pipe it holds.
TEST_P(Spawn, TheChildDiesWithItsParent) {
  int alive[2] = {-1, -1};
  int never[2] = {-1, -1};
  ASSERT_EQ(::pipe2(alive, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(never, O_CLOEXEC), 0);
  const base::Fd reading(alive[0]);
  base::Fd writing(alive[1]);
  const base::Fd input(never[0]);
  base::Fd input_end(never[1]);
  const pid_t middleman = ::fork();
  if (middleman == 0) {
    const auto child = cgroup::spawn({.argv = {"sh", "-c", "echo started; cat"},
                                      .environment = {kPath},
                                      .stdin_fd = input.get(),
                                      .stdout_fd = writing.get()},
                                     nullptr, GetParam());
    (void)::pause();
    ::_exit(child ? 0 : 1);
  }
  writing.reset();
  char text[8] = {};
  ASSERT_EQ(::read(reading.get(), text, sizeof text), 8);  // "started\n"
  ASSERT_EQ(::kill(middleman, SIGKILL), 0);
  ASSERT_EQ(::waitpid(middleman, nullptr, 0), middleman);
  // End of file comes when the shell (killed by its death signal) and its cat, which reads the other pipe, are gone.
  input_end.reset();
  EXPECT_EQ(::read(reading.get(), text, sizeof text), 0);
}

TEST_P(Spawn, ChangesRootUserAndGroup) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "chroot needs root: run as root to see it";
  }
  const auto inside =
      run({.argv = {"/bin/sh", "-c", "pwd; id -u; id -g; id -G"}, .root = "/", .uid = 65534, .gid = 65534});
  EXPECT_EQ(inside.output, "/\n65534\n65534\n65534\n");
  const auto error = refuse({.argv = {"sh"}, .root = scratch_.path().native()});
  EXPECT_EQ(error.message, "sh: not found") << "PATH counts inside the root";
  EXPECT_EQ(refuse({.argv = {"sh"}, .root = "/no/such/root"}).message,
            "chroot to /no/such/root: No such file or directory");
}

TEST_P(Spawn, DiesWithItsParentAlsoAsAnotherUser) {
  if (::geteuid() != 0) {
    GTEST_SKIP() << "setresuid needs root: run as root to see it";
  }
  // prctl(2): a change of credentials clears the death signal; /proc does not show it, so ask the child's own prctl by
  // python when there is one.
  const auto child =
      run({.argv = {"python3", "-c",
                    "import ctypes; v = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(v)); print(v.value)"},
           .uid = 65534,
           .gid = 65534});
  EXPECT_EQ(child.output, "9\n");
}

// The size is that of the command's own /dev/shm; ours stays as it was.
TEST_P(Spawn, GivesTheCommandADevShmOfItsOwn) {
  struct statvfs before{};
  ASSERT_EQ(::statvfs("/dev/shm", &before), 0);
  const SpawnRequest request{.argv = {"sh", "-c", "stat -f -c '%b %S' /dev/shm; id -u"}, .shm_bytes = 3 << 20};
  auto probe = request;
  probe.environment = {kPath};
  const auto null = null_device();
  probe.stdout_fd = null.get();
  if (const auto child = cgroup::spawn(probe, nullptr, GetParam()); child) {
    (void)cgroup::wait(*child);
  } else {
    GTEST_SKIP() << "no mount namespace for this user: " << child.error().message;
  }
  const auto finished = run(request);
  EXPECT_EQ(finished.output, fmt::format("768 4096\n{}\n", ::geteuid()));
  struct statvfs after{};
  ASSERT_EQ(::statvfs("/dev/shm", &after), 0);
  EXPECT_EQ(after.f_blocks, before.f_blocks);
}

INSTANTIATE_TEST_SUITE_P(Both, Spawn, ::testing::Values(Placement::automatic, Placement::moves_itself),
                         [](const auto& row) { return row.param == Placement::automatic ? "Cloned" : "Forked"; });

TEST(SpawnPlan, AWaitOnNothingIsAnError) {
  const auto status = cgroup::wait({.pid = 1, .pidfd = base::Fd()});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "waiting for process 1: No child processes");
}

}  // namespace

#include "base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/exit_status.h"
#include "base/fd.h"
#include "base/file.h"
#include "tests/support/case_name.h"

namespace base {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int kUnconfined = 77;  // the exit status of a child that could not be confined; its words are why

// What became of a child.
struct Ended {
  ExitStatus status;
  std::string words;  // on its standard error
};

// Runs the body in a child with standard error in our hands; true is exit status 0.
template <typename Body>
Ended in_child(Body body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) {
    (void)::dup2(writer.get(), STDERR_FILENO);
    const rlimit no_core{};
    (void)::setrlimit(RLIMIT_CORE, &no_core);
    ::_exit(body() ? 0 : 1);
  }
  writer.reset();
  Ended ended{.status = {}, .words = read_all(reader.get()).value_or("?")};
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  ended.status = ExitStatus::from_wait(status);
  return ended;
}

void say(std::string_view words) {
  (void)write_all(STDERR_FILENO, words);
}

// The same with the child confined, as far as seccomp goes.
template <typename Body>
Ended in_sandbox(const Allowance& allowance, Body body) {
  return in_child([&] {
    const auto confinement = confine(allowance);
    if (!confinement.seccomp) {
      say(confinement.seccomp.error().message);
      ::_exit(kUnconfined);
    }
    return body();
  });
}

bool was_unconfined(const Ended& ended) {
  return ended.status.exit_code == kUnconfined;
}

// What the message about a call is, with its advice.
std::string message_about(long number, std::string_view name) {
  return fmt::format("{}: sandbox: system call {}{} is not allowed here; please report this\n",
                     program_invocation_short_name, number, name.empty() ? "" : fmt::format(" ({})", name));
}

// What a row of the table may use; all of it is open before.
struct World {
  Fd file, reader, writer;
  std::optional<PendingFile> pending;
};

struct AllowedCase {
  const char* name;
  std::function<bool(World&)> works;
};

class Allowed : public testing::TestWithParam<AllowedCase> {};

TEST_P(Allowed, Works) {
  const auto scratch = ScratchDir::create("sandbox-test");
  ASSERT_TRUE(scratch);
  ASSERT_TRUE(write_file_atomic(scratch->path() / "in", "twelve bytes"));
  World world;
  world.file = open_for_reading(scratch->path() / "in").value_or(Fd());
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  world.reader.reset(ends[0]);
  world.writer.reset(ends[1]);
  auto pending = PendingFile::create(scratch->path() / "out");
  ASSERT_TRUE(pending);
  world.pending.emplace(std::move(*pending));
  const auto folder = world.pending->folder();
  ASSERT_TRUE(folder);

  const auto ended = in_sandbox({.replace_files_in = {*folder}}, [&] { return GetParam().works(world); });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.exit_code = 0}) << ended.words;
  EXPECT_EQ(ended.words, "");
}

bool read_works(World& world) {
  struct stat status{};
  return ::fstat(world.file.get(), &status) == 0 && status.st_size == 12 &&
         read_all(world.file.get()) == "twelve bytes" && ::lseek(world.file.get(), 7, SEEK_SET) == 7 &&
         read_all(world.file.get()) == "bytes";
}

bool maps_a_file(World& world) {
  void* mapped = ::mmap(nullptr, 12, PROT_READ, MAP_PRIVATE, world.file.get(), 0);
  return mapped != MAP_FAILED && std::string_view(static_cast<const char*>(mapped), 12) == "twelve bytes" &&
         ::munmap(mapped, 12) == 0;
}

bool pipe_works(World& world) {
  std::array<char, 4> got{};
  pollfd ready{.fd = world.reader.get(), .events = POLLIN, .revents = 0};
  return write_all(world.writer.get(), "word") && ::poll(&ready, 1, -1) == 1 &&
         ::read(world.reader.get(), got.data(), got.size()) == 4 && std::string_view(got.data(), 4) == "word";
}

bool allocates(World& /*world*/) {
  std::vector<std::string> large(100, std::string(1 << 20, 'x'));
  for (std::size_t size = 1; size < 1 << 20; size *= 2) {
    large.emplace_back(size, 'y');
  }
  large.erase(large.begin(), large.begin() + 90);
  return large.front().back() == 'x';
}

// glibc's malloc opens a file when the arena of a thread shrinks for the first time. 58 MiB are more than any
// threshold; few of them are touched.
void shrink_arenas() {
  for (int count = 0; count < 3; ++count) {
    std::thread([] {
      std::vector<std::unique_ptr<char[]>> blocks(580);
      for (auto& block : blocks) {
        block = std::make_unique_for_overwrite<char[]>(100 << 10);
      }
    }).join();
  }
}

bool allocates_in_threads(World& /*world*/) {
  shrink_arenas();
  return true;
}

bool throws(World& /*world*/) {
  try {
    throw std::runtime_error(fmt::format("{:>8.3f} {}", 1.5, "words"));
  } catch (const std::exception& error) {
    return std::string_view(error.what()) == "   1.500 words";
  }
}

bool clocks(World& /*world*/) {
  timespec now{};
  std::this_thread::sleep_for(1us);
  return std::chrono::system_clock::now().time_since_epoch() > 0s &&
         std::chrono::steady_clock::now().time_since_epoch() > 0s &&
         ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now) == 0;
}

bool terminal_is_asked(World& world) {
  winsize size{};
  return ::isatty(world.file.get()) == 0 && ::ioctl(world.file.get(), TIOCGWINSZ, &size) == -1 && errno == ENOTTY;
}

INSTANTIATE_TEST_SUITE_P(
    Calls, Allowed,
    testing::Values(
        AllowedCase{"reads_what_is_open", read_works}, AllowedCase{"maps_what_is_open", maps_a_file},
        AllowedCase{"uses_pipes", pipe_works}, AllowedCase{"allocates", allocates},
        AllowedCase{"starts_threads",
                    [](World&) { return std::async(std::launch::async, [] { return 7; }).get() == 7; }},
        AllowedCase{"allocates_in_threads", allocates_in_threads}, AllowedCase{"throws", throws},
        AllowedCase{"reads_clocks", clocks},
        AllowedCase{"draws_chance", [](World&) { return std::random_device()() + 1 != 0; }},
        AllowedCase{"asks_for_the_terminal", terminal_is_asked},
        AllowedCase{"names_its_threads", [](World&) { return ::prctl(PR_SET_NAME, "parser") == 0; }},
        AllowedCase{"duplicates",
                    [](World& world) { return Fd(::fcntl(world.file.get(), F_DUPFD_CLOEXEC, 0)).get() > 2; }},
        AllowedCase{"commits",
                    [](World& world) { return world.pending->write("report") && world.pending->commit().has_value(); }},
        AllowedCase{"discards",
                    [](World& world) {
                      world.pending.reset();
                      return true;
                    }}),
    tests::kCaseName);

// The arguments are such that the call would do no harm where it is allowed by mistake.
struct ForbiddenCase {
  const char* name;
  long number;
  const char* call;
  std::array<long, 5> arguments;
};

long make(const ForbiddenCase& row) {
  const auto& [a, b, c, d, e] = row.arguments;
  return ::syscall(row.number, a, b, c, d, e, 0L);
}

class Forbidden : public testing::TestWithParam<ForbiddenCase> {};

TEST_P(Forbidden, DiesAndNamesTheCall) {
  const auto ended = in_sandbox({.advice = "please report this"}, [] {
    (void)make(GetParam());
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});
  EXPECT_EQ(ended.words, message_about(GetParam().number, GetParam().call));
}

constexpr long kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS;
std::vector<ForbiddenCase> forbidden_calls() {
  return {
#ifdef SYS_open  // not on architectures that are younger
      ForbiddenCase{"open", SYS_open, "open", {}},
      ForbiddenCase{"unlink", SYS_unlink, "unlink", {}},
      ForbiddenCase{"rename", SYS_rename, "rename", {}},
      ForbiddenCase{"fork", SYS_fork, "fork", {}},
      ForbiddenCase{"stat", SYS_stat, "stat", {}},
#endif
      ForbiddenCase{"openat", SYS_openat, "openat", {AT_FDCWD}},
      ForbiddenCase{"openat2", SYS_openat2, "openat2", {AT_FDCWD}},
      ForbiddenCase{"stat_of_a_path", SYS_newfstatat, "newfstatat", {AT_FDCWD}},
      ForbiddenCase{"socket", SYS_socket, "socket", {}},
      ForbiddenCase{"execve", SYS_execve, "execve", {}},
      ForbiddenCase{"execveat", SYS_execveat, "execveat", {-1}},
      ForbiddenCase{"clone_of_a_process", SYS_clone, "clone", {SIGCHLD}},
      ForbiddenCase{"clone_of_a_namespace", SYS_clone, "clone", {CLONE_THREAD | CLONE_NEWUSER}},
      ForbiddenCase{"kill", SYS_kill, "kill", {1, 0}},
      ForbiddenCase{"tgkill_of_another", SYS_tgkill, "tgkill", {1, 1, 0}},
      ForbiddenCase{"ptrace", SYS_ptrace, "ptrace", {-1}},
      ForbiddenCase{"process_vm_readv", SYS_process_vm_readv, "process_vm_readv", {}},
      ForbiddenCase{"mmap_exec", SYS_mmap, "mmap", {0, 4096, PROT_READ | PROT_EXEC, kAnonymous, -1}},
      ForbiddenCase{"mprotect_exec", SYS_mprotect, "mprotect", {0, 0, PROT_EXEC}},
      ForbiddenCase{"pkey_mprotect", SYS_pkey_mprotect, "pkey_mprotect", {0, 0, 0, -1}},
      ForbiddenCase{"unlinkat", SYS_unlinkat, "unlinkat", {-1}},
      ForbiddenCase{"renameat2", SYS_renameat2, "renameat2", {-1}},
      ForbiddenCase{"setuid", SYS_setuid, "setuid", {-1}},
      ForbiddenCase{"ioctl_tiocsti", SYS_ioctl, "ioctl", {-1, TIOCSTI}},
      ForbiddenCase{"ioctl_with_high_bits", SYS_ioctl, "ioctl", {-1, (1L << 32) | TCGETS}},
      ForbiddenCase{"fcntl_setown", SYS_fcntl, "fcntl", {-1, F_SETOWN}},
      ForbiddenCase{"prctl_dumpable", SYS_prctl, "prctl", {PR_GET_DUMPABLE}},
      ForbiddenCase{"rt_sigaction", SYS_rt_sigaction, "rt_sigaction", {}},
      ForbiddenCase{"io_uring_setup", SYS_io_uring_setup, "io_uring_setup", {}},
      ForbiddenCase{"bpf", SYS_bpf, "bpf", {-1}},
      ForbiddenCase{"unshare", SYS_unshare, "unshare", {}},
      ForbiddenCase{"memfd_create", SYS_memfd_create, "memfd_create", {}},
      ForbiddenCase{"seccomp", SYS_seccomp, "seccomp", {-1}},
      ForbiddenCase{"unknown", 5000, "", {}}};
}
INSTANTIATE_TEST_SUITE_P(Calls, Forbidden, testing::ValuesIn(forbidden_calls()), tests::kCaseName);

TEST(Sandbox, ForbidsToOpenByLibc) {
  const auto ended =
      in_sandbox({.advice = "please report this"}, [] { return open_for_reading("/dev/null").has_value(); });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});
  EXPECT_EQ(ended.words, message_about(SYS_openat, "openat"));
}

TEST(Sandbox, HoldsForThreadsStartedLater) {
  const auto ended = in_sandbox({.advice = "please report this"}, [] {
    std::thread([] { (void)::syscall(SYS_socket, -1, 0, 0); }).join();
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});  // the process, not the thread
  EXPECT_EQ(ended.words, message_about(SYS_socket, "socket"));
}

TEST(Sandbox, DiesAlsoWithSigsysBlocked) {
  const auto ended = in_sandbox({}, [] {
    sigset_t all{};
    (void)::sigfillset(&all);
    (void)::sigprocmask(SIG_BLOCK, &all, nullptr);
    (void)::syscall(SYS_socket, -1, 0, 0);
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});
}

TEST(Sandbox, SaysNothingWhenSigsysComesFromElsewhere) {
  const auto ended = in_sandbox({}, [] { return ::raise(SIGSYS) == 0; });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});
  EXPECT_EQ(ended.words, "");
}

void arenas_may_shrink_after(void (*change_allocator)()) {
  const auto ended = in_child([change_allocator] {
    change_allocator();
    if (const auto confinement = confine(); !confinement.seccomp) {
      say(confinement.seccomp.error().message);
      ::_exit(kUnconfined);
    }
    shrink_arenas();
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.exit_code = 0}) << ended.words;
}

TEST(Sandbox, LetsArenasShrinkAfterLargeBlocks) {
  arenas_may_shrink_after([] { std::string(20 << 20, 'x').clear(); });  // raises the threshold from which on one does
}

TEST(Sandbox, LetsArenasShrinkThatArePadded) {
  arenas_may_shrink_after([] { (void)::mallopt(M_TOP_PAD, 1 << 20); });  // as main() asks for
}

TEST(Sandbox, LetsAbortBeAnAbort) {
  const auto ended = in_sandbox({}, []() -> bool { ::abort(); });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGABRT}) << ended.words;
}

#ifdef __x86_64__
TEST(Sandbox, KillsCallsOfAnotherArchitecture) {
  const auto ended = in_sandbox({}, [] { return ::syscall(0x40000000 | SYS_getpid) > 0; });  // x32
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.signal = SIGSYS});
}
#endif

TEST(Sandbox, IsWhatTheKernelSaysItIs) {
  const auto ended = in_child([&] {
    const auto own = open_for_reading("/proc/self/status");  // of the child
    const auto confinement = confine();
    if (!confinement.seccomp) {
      say(confinement.seccomp.error().message);
      ::_exit(kUnconfined);
    }
    say(read_all(own->get()).value_or("?"));
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_NE(ended.words.find("\nSeccomp:\t2\n"), std::string::npos) << ended.words;
  EXPECT_NE(ended.words.find("\nNoNewPrivs:\t1\n"), std::string::npos) << ended.words;
}

TEST(Sandbox, SaysWhatAContainerForbids) {
  const auto ended = in_child([] {
    const auto profile = ::seccomp_init(SCMP_ACT_ALLOW);
    (void)::seccomp_rule_add(profile, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(seccomp), 0);
    (void)::seccomp_rule_add(profile, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(prctl), 1,
                             scmp_arg_cmp{0, SCMP_CMP_EQ, PR_SET_SECCOMP, 0});
    (void)::seccomp_rule_add(profile, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(landlock_create_ruleset), 0);
    if (::seccomp_load(profile) != 0) {
      ::_exit(kUnconfined);
    }
    const auto confinement = confine();
    say(fmt::format("{}\n{}\n", confinement.seccomp ? "took" : confinement.seccomp.error().message,
                    confinement.landlock_abi ? "took" : confinement.landlock_abi.error().message));
    return open_for_reading("/dev/null").has_value();  // nothing half-way
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << "no seccomp here to play the container with";
  }
  EXPECT_EQ(ended.status, ExitStatus{.exit_code = 0});
#if defined(__SANITIZE_ADDRESS__)
  constexpr std::string_view kSanitizer = "built with a sanitizer, which needs system calls of its own\n";
  EXPECT_EQ(ended.words, fmt::format("{0}{0}", kSanitizer));
#else
  EXPECT_EQ(ended.words, "seccomp: Operation not permitted\nLandlock: Operation not permitted\n");
#endif
}

TEST(Sandbox, LandlockHoldsReplacingToTheFolders) {
  const auto scratch = ScratchDir::create("sandbox-test");
  ASSERT_TRUE(scratch);
  const auto inside = scratch->path() / "inside", outside = scratch->path() / "outside";
  for (const auto& folder : {inside, outside}) {
    ASSERT_TRUE(fs::create_directory(folder));
    ASSERT_TRUE(write_file_atomic(folder / "f", "old"));
    ASSERT_TRUE(fs::create_directory(folder / "d"));
  }
  auto replaced = PendingFile::create(inside / "f");
  auto forgotten = PendingFile::create(inside / "g");
  ASSERT_TRUE(replaced && forgotten);
  const auto ended = in_child([&] {
    const auto confinement = confine({.replace_files_in = {inside}});
    if (!confinement.landlock_abi) {
      const auto& why = confinement.landlock_abi.error();
      say(why.remedy.empty() ? why.message : fmt::format("{}; needs {}", why.message, why.remedy));
      ::_exit(kUnconfined);
    }
    const bool may = replaced->write("new") && replaced->commit();
    forgotten->discard();
    const auto refused = [](int result) { return result == -1 && (errno == EACCES || errno == EXDEV); };
    const bool may_not = refused(::unlink((outside / "f").c_str())) &&
                         refused(::rename((outside / "f").c_str(), (outside / "g").c_str())) &&
                         refused(::rename((inside / "f").c_str(), (outside / "f").c_str())) &&
                         refused(::rename((inside / "d").c_str(), (inside / "e").c_str()));
    say(fmt::format("{} {}", may, may_not));
    return true;
  });
  if (was_unconfined(ended)) {
    GTEST_SKIP() << ended.words;
  }
  EXPECT_EQ(ended.status, ExitStatus{.exit_code = 0});
  EXPECT_EQ(ended.words, "true true");
  EXPECT_EQ(read_all(inside / "f"), "new");
  EXPECT_EQ(read_all(outside / "f"), "old");
  EXPECT_FALSE(fs::exists(inside / "g"));
}

}  // namespace
}  // namespace base

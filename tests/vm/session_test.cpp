// Host session and guest agent against each other over a socket pair: all of the guest but its kernel.
#include "vm/session.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/file.h"
#include "vm/frame.h"
#include "vm/guest_agent.h"

namespace {

using namespace vm;
using std::chrono::steady_clock;

steady_clock::time_point soon() {
  return steady_clock::now() + std::chrono::seconds(20);
}

// An agent in a process of its own. What run() returned in the end is in its exit status (0 for no error) and in what
// it said.
class Guest {
 public:
  explicit Guest(const std::string& refusal = {}) {
    int port[2];
    int said[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, port), 0);
    EXPECT_EQ(::pipe2(said, O_CLOEXEC), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(port[0]);
      serve(port[1], said[1], refusal);
    }
    ::close(port[1]);
    ::close(said[1]);
    port_.reset(port[0]);
    said_.reset(said[0]);
    alive_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() {
    if (pid_ > 0) {
      (void)end();
    }
  }

  [[nodiscard]] int port() const { return port_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  base::Result<Hello> hello() { return wait_for_hello(port_.get(), alive_.get(), soon()); }
  base::Result<SessionEnd> run(const Request& request) {
    const auto greeted = hello();
    if (!greeted) {
      return std::unexpected(greeted.error());
    }
    return run_session(port_.get(), -1, alive_.get(), request);
  }
  // Closes the port, waits, returns what the agent complained of.
  std::string end() {
    port_.reset();
    auto said = base::read_all(said_.get());
    int status = 0;
    EXPECT_EQ(::waitpid(std::exchange(pid_, -1), &status, 0) > 0, true);
    EXPECT_FALSE(WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) << "the agent crashed";
    return said.value_or("");
  }

 private:
  [[noreturn]] static void serve(int port, int said, const std::string& refusal) {
    auto agent = Agent::create(port, "/bin/echo", [&](const RunFrame&) -> base::Result<std::vector<pid_t>> {
      if (!refusal.empty()) {
        return base::fail(base::ErrorKind::unsupported, refusal);
      }
      return {};
    });
    (void)Agent::greet(port, {.kernel = "6.1", .agent = "test"});
    const auto ended = (*agent)->run();
    (void)base::write_all(said, ended ? "" : ended.error().message);
    ::_exit(0);
  }

  pid_t pid_ = -1;
  base::Fd port_, said_, alive_;
};

base::Fd memory_file(std::string_view content = {}) {
  base::Fd fd(::memfd_create("stream", MFD_CLOEXEC));
  EXPECT_TRUE(base::write_all(fd.get(), content));
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
  return fd;
}

std::string content_of(const base::Fd& fd) {
  EXPECT_EQ(::lseek(fd.get(), 0, SEEK_SET), 0);
  return *base::read_all(fd.get());
}

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    read.reset(fds[0]);
    write.reset(fds[1]);
  }
  base::Fd read, write;
};

// A process beside the test; it is waited for by the destructor.
class Helper {
 public:
  template <typename Work>
  explicit Helper(Work work) : pid_(::fork()) {
    if (pid_ == 0) {
      work();
      ::_exit(0);
    }
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;
  ~Helper() { ::waitpid(pid_, nullptr, 0); }

 private:
  pid_t pid_;
};

Request shell(const std::string& script) {
  return {.argv = {"sh", "-c", script},
          .environment = {"PATH=/usr/bin:/bin", "WORD=from the host"},
          .stdin_fd = -1,
          .stdout_fd = -1,
          .stderr_fd = -1};
}

std::string pattern(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint32_t state = 1;
  for (auto& byte : text) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return text;
}

TEST(Session, HearsTheGreeting) {
  Guest guest;
  const auto hello = guest.hello();
  ASSERT_TRUE(hello) << hello.error().message;
  EXPECT_EQ(hello->kernel, "6.1");
  EXPECT_EQ(hello->agent, "test");
}

TEST(Session, NoGreetingInTime) {
  Pipe port;
  const auto hello = wait_for_hello(port.read.get(), port.read.get(), steady_clock::now());
  EXPECT_EQ(hello.error().kind, base::ErrorKind::timeout);
  EXPECT_EQ(hello.error().message, "the guest's agent: no greeting in time");
}

TEST(Session, GuestEndsBeforeItsGreeting) {
  Pipe port;
  port.write.reset();
  EXPECT_EQ(wait_for_hello(port.read.get(), port.read.get(), soon()).error().message,
            "the guest's agent: gone before its greeting");
}

TEST(Session, SomethingElseThanAGreeting) {
  Pipe port;
  ASSERT_TRUE(base::write_all(port.write.get(), encode_number(9) + encode_number(0)));
  const auto hello = wait_for_hello(port.read.get(), port.read.get(), soon());
  EXPECT_EQ(hello.error().kind, base::ErrorKind::parse);
  EXPECT_EQ(hello.error().message, "the guest's agent: expected a greeting");
}

struct StatusCase {
  const char* name;
  std::vector<std::string> argv;
  base::ExitStatus status;
  std::string error_output;
};

class StatusTest : public testing::TestWithParam<StatusCase> {};

TEST_P(StatusTest, ComesBack) {
  Guest guest;
  const auto error = memory_file();
  auto request = shell("");
  request.argv = GetParam().argv;
  request.stderr_fd = error.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, SessionEnd::How::exited);
  EXPECT_EQ(end->status, GetParam().status);
  EXPECT_EQ(content_of(error), GetParam().error_output);
  EXPECT_EQ(guest.end(), "");
}

INSTANTIATE_TEST_SUITE_P(
    Table, StatusTest,
    testing::Values(StatusCase{"zero", {"true"}, {.exit_code = 0}, ""},
                    StatusCase{"seven", {"sh", "-c", "exit 7"}, {.exit_code = 7}, ""},
                    StatusCase{"killed", {"sh", "-c", "kill -9 $$"}, {.signal = 9}, ""},
                    StatusCase{"pathed", {"/bin/true"}, {.exit_code = 0}, ""},
                    StatusCase{"stderr", {"sh", "-c", "echo no >&2"}, {.exit_code = 0}, "no\n"},
                    StatusCase{"missing",
                               {"no-such-command"},
                               {.exit_code = 127},
                               "oomlab: no-such-command: No such file or directory\n"},
                    StatusCase{"folder", {"/"}, {.exit_code = 126}, "oomlab: /: Permission denied\n"},
                    StatusCase{"pipes are default", {"sh", "-c", "kill -PIPE $$"}, {.signal = 13}, ""}),
    [](const auto& row) {
      std::string name = row.param.name;
      std::erase(name, ' ');
      return name;
    });

TEST(Session, EnvironmentAndWorkingFolder) {
  Guest guest;
  const auto output = memory_file();
  auto request = shell("echo $WORD; pwd; cat");
  request.working_folder = "/usr";
  request.stdout_fd = output.get();
  ASSERT_TRUE(guest.run(request));
  EXPECT_EQ(content_of(output), "from the host\n/usr\n");
}

TEST(Session, OomlabMeansTheAgentsOwnBinary) {
  Guest guest;
  const auto output = memory_file();
  auto request = shell("");
  request.argv = {"oomlab", "run"};
  request.stdout_fd = output.get();
  ASSERT_TRUE(guest.run(request));
  EXPECT_EQ(content_of(output), "run\n");
}

TEST(Session, EightMegabytesThroughFiles) {
  Guest guest;
  const auto bytes = pattern(8 << 20);
  const auto input = memory_file(bytes);
  const auto output = memory_file();
  auto request = shell("cat");
  request.stdin_fd = input.get();
  request.stdout_fd = output.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status.exit_code, 0);
  EXPECT_TRUE(content_of(output) == bytes);
}

TEST(Session, EightMegabytesThroughPipes) {
  Guest guest;
  const auto bytes = pattern(8 << 20);
  const auto copied = memory_file();
  Pipe in, out;
  {
    const Helper writer([&] {
      out.write.reset();
      (void)base::write_all(in.write.get(), bytes);
    });
    const Helper reader([&] {
      in.write.reset();
      out.write.reset();
      (void)base::write_all(copied.get(), *base::read_all(out.read.get()));
    });
    in.write.reset();
    auto request = shell("cat");
    request.stdin_fd = in.read.get();
    request.stdout_fd = out.write.get();
    const auto end = guest.run(request);
    ASSERT_TRUE(end) << end.error().message;
    out.write.reset();
  }
  EXPECT_TRUE(content_of(copied) == bytes);
}

TEST(Session, StdoutThatNobodyReadsKeepsNothingElseFromFlowing) {
  Guest guest;
  Pipe out, error;
  {
    const Helper late_reader([&] {
      out.write.reset();
      error.write.reset();
      std::string bytes(3'000'000, '\0');  // only behind these anybody reads stdout
      for (std::size_t got = 0; got < bytes.size();) {
        got += static_cast<std::size_t>(::read(error.read.get(), bytes.data(), bytes.size() - got));
      }
      (void)base::read_all(out.read.get());
    });
    out.read.reset();
    error.read.reset();
    auto request = shell("head -c 2000000 /dev/zero & head -c 3000000 /dev/zero >&2; wait");
    request.stdout_fd = out.write.get();
    request.stderr_fd = error.write.get();
    const auto end = guest.run(request);
    ASSERT_TRUE(end) << end.error().message;
    EXPECT_EQ(end->status.exit_code, 0);
    out.write.reset();
    error.write.reset();
  }
}

TEST(Session, WriterHearsThatItsReaderIsGone) {
  Guest guest;
  Pipe out;
  out.read.reset();
  auto request = shell("exec yes");
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status.signal, SIGPIPE);
}

TEST(Session, CommandThatClosesItsInputEndsTheReading) {
  Guest guest;
  const auto input = memory_file(pattern(4 << 20));
  auto request = shell("exec <&-; exit 3");
  request.stdin_fd = input.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status.exit_code, 3);
  EXPECT_LT(::lseek(input.get(), 0, SEEK_CUR), 4 << 20);
}

TEST(Session, SignalReachesACommandThatDoesNotReadItsInput) {
  Guest guest;
  Pipe out;
  const auto input = memory_file(pattern(4 << 20));
  const Helper sender([&] {
    char byte = 0;
    (void)!::read(out.read.get(), &byte, 1);
    ::kill(::getppid(), SIGTERM);
  });
  auto request = shell("echo ready; exec sleep 1000");
  request.stdin_fd = input.get();
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, SessionEnd::How::exited);
  EXPECT_EQ(end->status.signal, SIGTERM);
}

TEST(Session, SignalReachesTheWholeProcessGroup) {
  Guest guest;
  Pipe in, out;
  const Helper sender([&] {
    char byte = 0;
    (void)!::read(out.read.get(), &byte, 1);
    ::kill(::getppid(), SIGINT);
  });
  // cat has said something before it waits, so it is no shell between fork and exec, which may lose a SIGINT.
  auto request = shell("trap 'exit 5' INT; cat /proc/self/stat -; true");
  request.stdin_fd = in.read.get();
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status.exit_code, 5);
}

TEST(Session, SignalsOfTheUserDoNotAskForAnEnd) {
  Guest guest;
  Pipe in, out;
  const Helper sender([&] {
    char byte = 0;
    for (const int signal : {SIGUSR1, SIGUSR2, SIGUSR1}) {
      (void)!::read(out.read.get(), &byte, 1);
      ::kill(::getppid(), signal);
    }
  });
  auto request = shell("n=0; trap 'n=$((n+1)); echo' USR1 USR2; echo; while [ $n -lt 3 ]; do sleep 0.01; done; exit 6");
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->status.exit_code, 6);
  EXPECT_FALSE(end->told_to_end);
}

TEST(Session, SecondSignalEndsTheGuest) {
  Guest guest;
  Pipe out;
  const Helper sender([&] {
    char byte = 0;
    (void)!::read(out.read.get(), &byte, 1);
    ::kill(::getppid(), SIGTERM);
    ::kill(::getppid(), SIGINT);
  });
  auto request = shell("trap '' TERM INT; echo ready; sleep 1000");
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, SessionEnd::How::guest_gone);
  ::kill(guest.pid(), SIGKILL);
}

TEST(Session, LeavesTheSignalMaskAsItWas) {
  sigset_t before{}, after{};
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &before), 0);
  Guest guest;
  ASSERT_TRUE(guest.run(shell("true")));
  ASSERT_EQ(::pthread_sigmask(SIG_BLOCK, nullptr, &after), 0);
  EXPECT_EQ(std::memcmp(&before, &after, sizeof before), 0);
  struct sigaction action{};
  ASSERT_EQ(::sigaction(SIGPIPE, nullptr, &action), 0);
  EXPECT_TRUE(action.sa_handler == SIG_DFL);
}

TEST(Session, BringsFilesBack) {
  Guest guest;
  const auto scratch = base::ScratchDir::create("session");
  ASSERT_TRUE(scratch);
  const auto path = [&](const char* name) { return (scratch->path() / name).native(); };
  auto request =
      shell("cd '" + scratch->path().native() + "'; printf '{}' >small; : >empty; head -c 1000000 /dev/zero >large");
  request.fetch = {path("large"), path("missing"), path("empty"), path("small"), "/"};
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  ASSERT_EQ(end->files.size(), 3U);
  EXPECT_EQ(end->files[0].first, path("large"));
  EXPECT_TRUE(end->files[0].second == std::string(1000000, '\0'));
  EXPECT_EQ(end->files[1], std::pair(path("empty"), std::string()));
  EXPECT_EQ(end->files[2], std::pair(path("small"), std::string("{}")));
}

TEST(Session, ProcessesThatTheCommandLeavesDoNotKeepIt) {
  Guest guest;
  const auto output = memory_file();
  auto request = shell("setsid sleep 1000 & sleep 1000 & echo done");
  request.stdout_fd = output.get();
  const auto begin = steady_clock::now();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(content_of(output), "done\n");
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(Session, TimeIsOver) {
  Guest guest;
  auto request = shell("sleep 1000");
  request.timeout = std::chrono::seconds(0);
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, SessionEnd::How::timed_out);
  ::kill(guest.pid(), SIGKILL);
}

TEST(Session, GuestDies) {
  Guest guest;
  Pipe out;
  const Helper killer([&] {
    char byte = 0;
    (void)!::read(out.read.get(), &byte, 1);
    ::kill(guest.pid(), SIGKILL);
  });
  auto request = shell("echo ready; exec sleep 3");
  request.stdout_fd = out.write.get();
  const auto end = guest.run(request);
  ASSERT_TRUE(end) << end.error().message;
  EXPECT_EQ(end->how, SessionEnd::How::guest_gone);
}

TEST(Session, RefusalNamesTheReason) {
  Guest guest("sysctl vm.nosuch=1: No such file or directory");
  const auto end = guest.run(shell("true"));
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, base::ErrorKind::unsupported);
  EXPECT_EQ(end.error().message, "the guest refused: sysctl vm.nosuch=1: No such file or directory");
}

TEST(Session, WorkingFolderThatIsNotThere) {
  Guest guest;
  auto request = shell("true");
  request.working_folder = "/no/such/folder";
  EXPECT_EQ(guest.run(request).error().message,
            "the guest refused: working folder /no/such/folder: No such file or directory");
}

TEST(Session, OrderThatIsTooLarge) {
  Guest guest;
  auto request = shell("true");
  request.environment.assign(1, std::string(5 << 20, 'x'));
  const auto end = guest.run(request);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, base::ErrorKind::usage);
  EXPECT_EQ(end.error().message, "arguments and environment are larger than 4 MiB");
}

TEST(Session, GoodbyeEndsTheAgent) {
  Guest guest;
  ASSERT_TRUE(guest.run(shell("true")));
  say_goodbye(guest.port());
  int status = 0;
  EXPECT_EQ(::waitpid(guest.pid(), &status, WNOWAIT), -1);  // WNOWAIT is waitid's: EINVAL, nothing reaped
  EXPECT_EQ(guest.end(), "");
}

std::string frame(FrameType type, std::string_view payload = {}) {
  return encode_number(static_cast<std::uint32_t>(type)) + encode_number(static_cast<std::uint32_t>(payload.size())) +
         std::string(payload);
}

struct HostileCase {
  const char* name;
  std::string bytes;
  const char* complaint;
};

class HostileHostTest : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileHostTest, MakesTheAgentEndAndSayWhy) {
  Guest guest;
  ASSERT_TRUE(guest.hello());
  ASSERT_EQ(::fcntl(guest.port(), F_SETFL, 0), 0);  // blocking again
  (void)::send(guest.port(), GetParam().bytes.data(), GetParam().bytes.size(),
               MSG_NOSIGNAL);  // it may hang up half-way
  ::shutdown(guest.port(), SHUT_WR);
  EXPECT_EQ(guest.end(), GetParam().complaint);
}

const auto kSleep = encode(RunFrame{.argv = {"/bin/sleep", "1000"}});

INSTANTIATE_TEST_SUITE_P(
    Table, HostileHostTest,
    testing::Values(HostileCase{"unknown_type", encode_number(77) + encode_number(0),
                                "agent port: unknown frame type 77"},
                    HostileCase{"huge", encode_number(4) + encode_number(0x80000000),
                                "agent port: frame of type 4 has 2147483648 bytes, expected at most 65540"},
                    HostileCase{"truncated", frame(FrameType::run, kSleep).substr(0, 40),
                                "agent port: ended in the middle of a frame"},
                    HostileCase{"header_cut", "abc", "agent port: ended in the middle of a frame"},
                    HostileCase{"malformed_order", frame(FrameType::run, "nonsense"), "malformed run frame"},
                    HostileCase{"guests_own_frame", frame(FrameType::exit), "agent port: unexpected frame of type 9"},
                    HostileCase{"data_for_stdout", frame(FrameType::data, encode_number(1) + "x"),
                                "agent port: unexpected frame of type 4"},
                    HostileCase{"bad_signal", frame(FrameType::signal, encode_number(1000)), "malformed signal frame"},
                    HostileCase{"signal_before_order", frame(FrameType::signal, encode_number(9)), ""},
                    HostileCase{"two_orders", frame(FrameType::run, kSleep) + frame(FrameType::run, kSleep),
                                "agent port: a second order"},
                    HostileCase{"beyond_credit",
                                frame(FrameType::run, kSleep) +
                                    [] {
                                      std::string flood;
                                      for (int i = 0; i < 6; ++i) {
                                        flood +=
                                            frame(FrameType::data, encode_number(0) + std::string(kChunkBytes, 'x'));
                                      }
                                      return flood;
                                    }(),
                                "agent port: more bytes of a stream than it was given credit for"},
                    HostileCase{"data_after_end",
                                frame(FrameType::run, kSleep) + frame(FrameType::close, encode_number(0)) +
                                    frame(FrameType::data, encode_number(0) + "x"),
                                "agent port: more bytes of a stream than it was given credit for"},
                    HostileCase{"empty_order_name", frame(FrameType::run, encode(RunFrame{.argv = {""}})), ""}),
    [](const auto& row) { return std::string(row.param.name); });

class HostileGuestTest : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileGuestTest, MakesTheSessionFail) {
  int port[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, port), 0);
  const base::Fd ours(port[0]), guests(port[1]);
  ASSERT_TRUE(base::write_all(guests.get(), GetParam().bytes));
  ::shutdown(guests.get(), SHUT_WR);
  const Pipe alive;
  auto request = shell("true");
  request.fetch = {"/one"};
  const auto end = run_session(ours.get(), -1, alive.read.get(), request);
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().kind, base::ErrorKind::parse);
  EXPECT_EQ(end.error().message, GetParam().complaint);
}

INSTANTIATE_TEST_SUITE_P(
    Table, HostileGuestTest,
    testing::Values(HostileCase{"unknown_type", encode_number(0) + encode_number(0),
                                "agent port: unknown frame type 0"},
                    HostileCase{"order", frame(FrameType::run, kSleep), "agent port: unexpected frame of type 2"},
                    HostileCase{"data_for_stdin", frame(FrameType::data, encode_number(0) + "x"),
                                "agent port: unexpected frame of type 4"},
                    HostileCase{"bad_exit", frame(FrameType::exit, "x"), "malformed exit frame"},
                    HostileCase{"file_not_asked_for", frame(FrameType::file, encode_number(1) + "x"),
                                "agent port: a file that was not asked for, or too large"},
                    HostileCase{"truncated", frame(FrameType::refusal, "no").substr(0, 9),
                                "agent port: ended in the middle of a frame"}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace

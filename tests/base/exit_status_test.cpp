#include "base/exit_status.h"

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include <gtest/gtest.h>

namespace base {
namespace {

// The wait status of a child that does as told.
template <typename Body>
int status_of(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    body();
    ::_exit(99);
  }
  int status = -1;
  EXPECT_EQ(::waitpid(pid, &status, 0), pid);
  return status;
}

TEST(ExitStatus, HoldsTheCode) {
  const auto status = ExitStatus::from_wait(status_of([] { ::_exit(7); }));
  EXPECT_EQ(status, ExitStatus{.exit_code = 7});
  EXPECT_EQ(status.shell_code(), 7);
}

TEST(ExitStatus, HoldsTheSignal) {
  const auto status = ExitStatus::from_wait(status_of([] { (void)::raise(SIGKILL); }));
  EXPECT_EQ(status, ExitStatus{.signal = SIGKILL});
  EXPECT_EQ(status.shell_code(), 137);
}

TEST(ExitStatus, TellsExit137FromSigkill) {
  const auto status = ExitStatus::from_wait(status_of([] { ::_exit(137); }));
  EXPECT_EQ(status.shell_code(), 137);
  EXPECT_EQ(status.signal, std::nullopt);
}

TEST(ExitStatus, OfWhatNeverStarted) {
  EXPECT_EQ(ExitStatus{}.shell_code(), 125);
}

TEST(SignalName, NamesTheKnownOnes) {
  EXPECT_EQ(signal_name(SIGKILL), "SIGKILL");
  EXPECT_EQ(signal_name(SIGTERM), "SIGTERM");
  EXPECT_EQ(signal_name(77), "signal 77");
  EXPECT_EQ(signal_name(0), "signal 0");
}

}  // namespace
}  // namespace base

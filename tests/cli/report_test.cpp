#include "cli/report.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "tests/support/case_name.h"

namespace cli {
namespace {

using base::ErrorKind;

struct StatusCase {
  std::string_view name;
  ErrorKind kind;
  int exit_status;
};

class ReportStatus : public testing::TestWithParam<StatusCase> {};

TEST_P(ReportStatus, FollowsTheKindOfTheError) {
  testing::internal::CaptureStderr();
  EXPECT_EQ(report(base::Error{.kind = GetParam().kind, .message = "no"}), GetParam().exit_status);
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "oomlab: no\n");
}

// docs/exit-codes.md
INSTANTIATE_TEST_SUITE_P(Table, ReportStatus,
                         testing::Values(StatusCase{"usage", ErrorKind::usage, 2},
                                         StatusCase{"parse", ErrorKind::parse, 2},
                                         StatusCase{"unsupported", ErrorKind::unsupported, 3},
                                         StatusCase{"permission", ErrorKind::permission, 3},
                                         StatusCase{"syscall", ErrorKind::syscall, 125},
                                         StatusCase{"timeout", ErrorKind::timeout, 125}),
                         tests::kCaseName);

TEST(Report, ShowsTheWayOutOnALineOfItsOwn) {
  testing::internal::CaptureStderr();
  (void)report(base::Error{.message = "no QEMU", .remedy = "apt-get install qemu-system-x86"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "oomlab: no QEMU\n  way out: apt-get install qemu-system-x86\n");
}

TEST(Say, EscapesWhatCameFromOutside) {
  testing::internal::CaptureStderr();
  say("log of \x1b]0;x\x07 host");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "oomlab: log of \\x1b]0;x\\x07 host\n");
}

TEST(Print, WritesEverythingToStandardOutput) {
  testing::internal::CaptureStdout();
  EXPECT_EQ(print(std::string(20'000, 'x') + "\x1b"), 0);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), std::string(20'000, 'x') + "\x1b");
}

TEST(Terminal, AFileTakesNoColoursAndHasEightyColumns) {
  const base::Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  ::unsetenv("COLUMNS");
  ::unsetenv("CLICOLOR_FORCE");
  EXPECT_FALSE(colours(file.get()));
  EXPECT_EQ(columns(file.get()), 80U);
}

TEST(Terminal, APagerBehindAPipeIsBelieved) {
  const base::Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  for (const auto& [said, columns_wanted] :
       {std::pair("132", 132U), {"20", 40U}, {"0", 80U}, {"", 80U}, {"-1", 80U}, {"99x", 80U}}) {
    ::setenv("COLUMNS", said, 1);
    EXPECT_EQ(columns(file.get()), columns_wanted) << said;
  }
  ::unsetenv("COLUMNS");
  ::unsetenv("NO_COLOR");
  ::setenv("CLICOLOR_FORCE", "1", 1);
  EXPECT_TRUE(colours(file.get()));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(colours(file.get()));
  ::unsetenv("NO_COLOR");
  ::setenv("CLICOLOR_FORCE", "0", 1);
  EXPECT_FALSE(colours(file.get()));
  ::unsetenv("CLICOLOR_FORCE");
}

TEST(Terminal, ATerminalTakesColoursUnlessToldOtherwise) {
  const base::Fd pty(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty) {
    GTEST_SKIP() << "no pseudo terminal: mount devpts on /dev/pts";
  }
  ::setenv("TERM", "xterm", 1);
  ::unsetenv("NO_COLOR");
  EXPECT_TRUE(colours(pty.get()));
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(colours(pty.get()));
  ::setenv("NO_COLOR", "", 1);  // https://no-color.org: empty does not count
  EXPECT_TRUE(colours(pty.get()));
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(colours(pty.get()));
}

}  // namespace
}  // namespace cli

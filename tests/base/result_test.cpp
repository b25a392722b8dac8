#include "base/result.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

namespace base {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) {
    return fail(ErrorKind::parse, "odd");
  }
  return number / 2;
}

Result<int> quarter(int number) {
  TRY_ASSIGN(const int once, half(number));
  TRY_ASSIGN(const int twice, half(once));
  return twice;
}

Result<> check(int number) {
  TRY(half(number));
  return {};
}

TEST(Try, PassesTheValueOrReturnsTheError) {
  EXPECT_EQ(quarter(12), 3);
  EXPECT_EQ(quarter(6).error().message, "odd");
  EXPECT_TRUE(check(2));
  EXPECT_EQ(check(3).error().kind, ErrorKind::parse);
}

TEST(Error, GrowsLeftwards) {
  const auto error =
      Error{.kind = ErrorKind::parse, .message = "expected a number"}.context("memory.max").context("box");
  EXPECT_EQ(error.message, "box: memory.max: expected a number");
  EXPECT_EQ(error.kind, ErrorKind::parse);
}

TEST(Error, KeepsItsRemedyThroughContext) {
  const auto error = Error{.message = "no"}.with_remedy("do this").context("what");
  EXPECT_EQ(error.remedy, "do this");
}

TEST(SystemError, SaysWhatAndWhy) {
  errno = ENOENT;
  const Error error = system_error("memory.peak").error();
  EXPECT_EQ(error.message, "memory.peak: No such file or directory");
  EXPECT_EQ(error.sys_errno, ENOENT);
  EXPECT_EQ(error.kind, ErrorKind::syscall);
}

TEST(SystemError, TellsForbiddenApart) {
  EXPECT_EQ(system_error("x", EACCES).error().kind, ErrorKind::permission);
  EXPECT_EQ(system_error("x", EPERM).error().kind, ErrorKind::permission);
  EXPECT_EQ(system_error("x", EROFS).error().kind, ErrorKind::syscall);
}

TEST(ExpectedButGot, EscapesAndShortens) {
  EXPECT_EQ(expected_but_got("a number", "12 kB\n").error().message, "expected a number, got '12 kB\\x0a'");
  EXPECT_EQ(expected_but_got("a number", std::string(61, 'x')).error().message,
            "expected a number, got '" + std::string(60, 'x') + "...'");
  EXPECT_EQ(expected_but_got("a number", std::string(60, 'x')).error().message,
            "expected a number, got '" + std::string(60, 'x') + "'");
}

}  // namespace
}  // namespace base

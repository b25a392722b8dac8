#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace base {

// What went wrong, coarse enough to pick an exit status by (docs/exit-codes.md).
enum class ErrorKind {
  syscall,      // the kernel refused something; sys_errno holds why
  parse,        // input has not the expected shape
  unsupported,  // this machine cannot (exit 3)
  permission,   // this user may not (exit 3)
  usage,        // the user asked for something impossible (exit 2)
  timeout,      // a deadline passed
};

// An error travels outwards by value and gains context on the way. The message names what was read, what was expected
// and what was there.
struct Error {
  ErrorKind kind = ErrorKind::syscall;
  std::string message;
  int sys_errno = 0;   // errno of the failed system call, 0 if none
  std::string remedy;  // the way out, as commands or a sentence; empty when there is none to name

  // The same error with "what: " in front of its message.
  [[nodiscard]] Error context(std::string_view what) &&;
  // The same error with a way out.
  [[nodiscard]] Error with_remedy(std::string_view way_out) &&;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// Makes the error side of a Result: `return fail(ErrorKind::parse, fmt::format(...))`.
[[nodiscard]] std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string remedy = {});

// Error of a system call that just failed: "what: strerror". Call it on the line after the call; it reads errno.
[[nodiscard]] std::unexpected<Error> system_error(std::string_view what);

// The same for an errno value that was kept.
[[nodiscard]] std::unexpected<Error> system_error(std::string_view what, int saved_errno);

// "expected A, got 'B'" as a parse error; B is shortened to 60 bytes and escaped.
[[nodiscard]] std::unexpected<Error> expected_but_got(std::string_view wanted, std::string_view got);

}  // namespace base

#define BASE_CONCAT_INNER(a, b) a##b
#define BASE_CONCAT(a, b) BASE_CONCAT_INNER(a, b)

// NOLINTBEGIN(bugprone-macro-parentheses): `declaration` declares a variable.
// TRY(expression) returns the expression's error from the enclosing function, if it has one.
#define TRY(expression)                                       \
  do {                                                        \
    if (auto try_result_ = (expression); !try_result_) {      \
      return std::unexpected(std::move(try_result_).error()); \
    }                                                         \
  } while (false)

// TRY_ASSIGN(auto value, expression) does the same and keeps the value.
#define TRY_ASSIGN(declaration, expression) TRY_ASSIGN_INNER(BASE_CONCAT(try_value_, __LINE__), declaration, expression)
#define TRY_ASSIGN_INNER(result, declaration, expression) \
  auto result = (expression);                             \
  if (!result) {                                          \
    return std::unexpected(std::move(result).error());    \
  }                                                       \
  declaration = std::move(*result)
// NOLINTEND(bugprone-macro-parentheses)

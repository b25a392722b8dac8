#include "base/result.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"

namespace base {

Error Error::context(std::string_view what) && {
  message = fmt::format("{}: {}", what, message);
  return std::move(*this);
}

Error Error::with_remedy(std::string_view way_out) && {
  remedy = way_out;
  return std::move(*this);
}

std::unexpected<Error> fail(ErrorKind kind, std::string message, std::string remedy) {
  return std::unexpected(Error{.kind = kind, .message = std::move(message), .remedy = std::move(remedy)});
}

std::unexpected<Error> system_error(std::string_view what) {
  return system_error(what, errno);
}

std::unexpected<Error> system_error(std::string_view what, int saved_errno) {
  const bool forbidden = saved_errno == EACCES || saved_errno == EPERM;
  return std::unexpected(Error{.kind = forbidden ? ErrorKind::permission : ErrorKind::syscall,
                               .message = fmt::format("{}: {}", what, std::strerror(saved_errno)),
                               .sys_errno = saved_errno});
}

std::unexpected<Error> expected_but_got(std::string_view wanted, std::string_view got) {
  constexpr std::size_t kShown = 60;
  const auto shown = escape_terminal(got.substr(0, kShown));
  return fail(ErrorKind::parse,
              fmt::format("expected {}, got '{}{}'", wanted, shown, got.size() > kShown ? "..." : ""));
}

}  // namespace base

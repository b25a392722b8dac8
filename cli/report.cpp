#include "cli/report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"

namespace cli {

namespace {

constexpr unsigned kFewestColumns = 40;

// "first text", its further lines below the text: escaped one by one, so that only our own newlines reach the terminal.
std::string lines_below(std::string_view first, std::string_view text) {
  std::string out(first);
  while (true) {
    const auto end = text.find('\n');
    out += base::escape_terminal(text.substr(0, end)) + '\n';
    if (end == std::string_view::npos || end + 1 == text.size()) {
      return out;
    }
    text.remove_prefix(end + 1);
    out.append(first.size(), ' ');
  }
}

}  // namespace

int report(const base::Error& error) {
  say(error.message);
  if (!error.remedy.empty()) {
    (void)base::write_all(STDERR_FILENO, lines_below("  way out: ", error.remedy));  // as in say()
  }
  switch (error.kind) {
    case base::ErrorKind::usage:
    case base::ErrorKind::parse:
      return kExitUsage;
    case base::ErrorKind::unsupported:
    case base::ErrorKind::permission:
      return kExitCannot;
    case base::ErrorKind::syscall:
    case base::ErrorKind::timeout:
      break;
  }
  return kExitOwnFailure;
}

void say(std::string_view text) {
  // Nothing to be done when stderr is closed: the exit status still tells.
  (void)base::write_all(STDERR_FILENO, lines_below("oomlab: ", text));
}

bool colours(int fd) {
  const auto is_set = [](const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0' && std::string_view(value) != "0";
  };
  const char* no_color = std::getenv("NO_COLOR");
  if (no_color != nullptr && *no_color != '\0') {
    return false;
  }
  const char* term = std::getenv("TERM");
  return is_set("CLICOLOR_FORCE") || (::isatty(fd) == 1 && term != nullptr && std::string_view(term) != "dumb");
}

unsigned columns(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    return std::max<unsigned>(size.ws_col, kFewestColumns);
  }
  const char* words = std::getenv("COLUMNS");  // of a terminal that reads through a pipe
  const auto given = words != nullptr ? std::string_view(words) : std::string_view{};
  unsigned value = 0;
  const auto [stop, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  return error == std::errc{} && stop == given.data() + given.size() && value > 0 ? std::max(value, kFewestColumns)
                                                                                  : 80;
}

int print(std::string_view data) {
  const auto written = base::write_all(STDOUT_FILENO, data);
  if (!written) {
    if (written.error().sys_errno == EPIPE) {
      return 0;
    }
    say(fmt::format("standard output: {}", written.error().message));
    return kExitOwnFailure;
  }
  return 0;
}

}  // namespace cli

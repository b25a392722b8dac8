#include "cli/report.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"

namespace cli {

namespace {

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
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0') && term != nullptr &&
         std::string_view(term) != "dumb";
}

unsigned columns(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40) {
    return size.ws_col;
  }
  return 80;
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

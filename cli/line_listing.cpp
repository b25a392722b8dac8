#include "cli/line_listing.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/report.h"

namespace cli {
namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10;
constexpr std::size_t kKindWidth = std::string_view("unrecognized inside a report").size();

std::string_view colour_of(forensics::ExplainedLine::Sort sort) {
  using Sort = forensics::ExplainedLine::Sort;
  switch (sort) {
    case Sort::of_report:
      return "\x1b[32m";
    case Sort::continuation:
      return "\x1b[36m";
    case Sort::unrecognized:
      return "\x1b[33m";
    case Sort::other:
      break;
  }
  return "\x1b[2m";
}

bool is_regular(int fd) {
  struct stat status{};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

// Whether somebody still reads it.
base::Result<bool> write(std::string& text) {
  const auto written = base::write_all(STDOUT_FILENO, text);
  text.clear();
  if (!written && written.error().sys_errno == EPIPE) {
    return false;
  }
  if (!written) {
    return std::unexpected(base::Error(written.error()).context("standard output"));
  }
  return true;
}

base::Result<bool> list_log(const forensics::Source& source, std::string text) {
  forensics::LineReader reader(forensics::decompressed(forensics::source_of_fd(source.fd.get())));
  LineListing listing(source.carrier, colours(STDOUT_FILENO));
  const auto enough = is_regular(source.fd.get()) ? kBlock : 1;
  while (true) {
    auto line = reader.next();
    if (!line) {
      auto error = std::move(line).error().context(source.name);
      error.kind = base::ErrorKind::usage;  // an input that cannot be read
      return std::unexpected(std::move(error));
    }
    if (!*line) {
      break;
    }
    text += listing.row(**line);
    if (text.size() >= enough) {
      TRY_ASSIGN(const bool read, write(text));
      if (!read) {
        return false;
      }
    }
  }
  if (const auto damage = reader.damage()) {
    say(fmt::format("{}: {}; what is before it was read", source.name, *damage));
  }
  return write(text);
}

}  // namespace

std::string LineListing::row(const forensics::Line& line) {
  const auto explained = explainer_.explain(line);
  const auto time = base::escape_terminal(explained.time);
  carrier_width_ = std::max(carrier_width_, explained.carrier.size());
  time_width_ = std::max(time_width_, time.size());
  const auto front = fmt::format("{:>6}  {:<{}}  {:<{}}  {:<{}}", line.number, explained.carrier, carrier_width_, time,
                                 time_width_, explained.kind, kKindWidth);
  const auto text = base::escape_terminal(line.text);
  return colour_ ? fmt::format("{}{}\x1b[0m  {}\n", colour_of(explained.sort), front, text)
                 : fmt::format("{}  {}\n", front, text);
}

base::Result<> list_lines(const std::vector<forensics::Source>& sources) {
  for (const auto& source : sources) {
    if (source.carrier && !forensics::Demux::knows(*source.carrier)) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("'{}' is not a carrier", base::escape_terminal(*source.carrier)),
                        "oomlab list shows the carriers");
    }
    const auto title =
        sources.size() > 1 ? fmt::format("==> {} <==\n", base::escape_terminal(source.name)) : std::string();
    TRY_ASSIGN(const bool read, list_log(source, title));
    if (!read) {
      break;
    }
  }
  return {};
}

}  // namespace cli

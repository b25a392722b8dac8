#include "cli/control_file_options.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/parse.h"

namespace cli {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;  // a control file is at most a few pages

bool has_any(const cgroup::Counters& counters, std::initializer_list<std::string_view> names) {
  return std::ranges::any_of(names, [&](std::string_view name) { return cgroup::find(counters, name).has_value(); });
}

}  // namespace

void ControlFileOptions::bind(Options& table) {
  table.group("Control files of the cgroup, as copied from the machine");
  table.text("memory-stat", stat_.path, "FILE",
             "its memory.stat: says what filled the limit where the log's last report of a memory cgroup does not");
  table.text("memory-events", events_.path, "FILE",
             "its memory.events: the kills it counts are held against those in the log");
  table.text("vmstat", vmstat_.path, "FILE", "the machine's /proc/vmstat: the same for all kills since it booted");
}

base::Result<> ControlFileOptions::open(File& file) {
  if (!file.path) {
    return {};
  }
  auto fd = base::open_for_reading(*file.path);
  if (!fd) {
    auto error = std::move(fd).error().context(file.option);
    error.kind = base::ErrorKind::usage;
    return std::unexpected(std::move(error));
  }
  file.fd = *std::move(fd);
  return {};
}

base::Result<> ControlFileOptions::open() {
  TRY(open(stat_));
  TRY(open(events_));
  return open(vmstat_);
}

namespace {

base::Error about(base::Error error, std::string_view option, const std::string& path) {
  error = std::move(error).context(fmt::format("{}: {}", option, base::escape_terminal(path)));
  error.kind = base::ErrorKind::usage;
  return error;
}

base::Error not_such(std::string_view name, std::string_view counters) {
  return {.kind = base::ErrorKind::usage,
          .message = fmt::format("not a {}: it has none of the counters {}", name, counters)};
}

}  // namespace

base::Result<std::string> ControlFileOptions::read(const File& file) {
  auto text = base::read_all(file.fd.get(), kLargest);
  if (!text) {
    return std::unexpected(about(std::move(text).error(), file.option, *file.path));
  }
  return *std::move(text);
}

base::Result<forensics::ControlFiles> ControlFileOptions::read() const {
  forensics::ControlFiles files;
  if (stat_.path) {
    TRY_ASSIGN(const auto text, read(stat_));
    auto stat = cgroup::parse_counters(text);
    if (stat && !has_any(*stat, {"anon", "file", "cache", "rss"})) {
      stat = std::unexpected(not_such("memory.stat", "anon, file, cache, rss"));
    }
    if (!stat) {
      return std::unexpected(about(std::move(stat).error(), stat_.option, *stat_.path));
    }
    files.stat = *std::move(stat);
  }
  if (events_.path) {
    TRY_ASSIGN(const auto text, read(events_));
    auto events = cgroup::parse_memory_events(text);
    if (events && !events->max && !events->oom && !events->oom_kill) {
      events = std::unexpected(not_such("memory.events", "max, oom, oom_kill"));
    }
    if (!events) {
      return std::unexpected(about(std::move(events).error(), events_.option, *events_.path));
    }
    files.events = *std::move(events);
  }
  if (vmstat_.path) {
    TRY_ASSIGN(const auto text, read(vmstat_));
    auto vmstat = cgroup::parse_counters(text);
    if (vmstat && !has_any(*vmstat, {"oom_kill"})) {
      vmstat = std::unexpected(not_such("/proc/vmstat", "oom_kill (which kernels have since 4.13)"));
    }
    if (!vmstat) {
      return std::unexpected(about(std::move(vmstat).error(), vmstat_.option, *vmstat_.path));
    }
    files.vmstat = *std::move(vmstat);
  }
  return files;
}

}  // namespace cli

#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cgroup/parse.h"

namespace cli {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
constexpr std::size_t kBarCells = 24;

void write_line(std::string_view text) {
  (void)base::write_all(STDERR_FILENO, text);  // only a display
}

}  // namespace

Progress::Progress(bool enabled, const cgroup::Dir& dir, const cgroup::Limits& limits) : enabled_(enabled), dir_(dir) {
  if (limits.memory_max && limits.memory_max->bytes) {
    limit_bytes_ = *limits.memory_max->bytes;
  }
}

void Progress::update() {
  const auto now = Clock::now();
  if (!enabled_ || now - shown_ < kInterval) {
    return;
  }
  const auto text = dir_.read("memory.current");
  const auto current = text ? cgroup::parse_count(*text) : std::unexpected(text.error());
  if (!current) {
    return;
  }
  const double since = std::chrono::duration<double>(now - shown_).count();
  const double rate =
      shown_ == Clock::time_point{} || *current < last_bytes_ ? 0 : static_cast<double>(*current - last_bytes_) / since;
  std::string bar;
  if (limit_bytes_ != 0) {
    const auto cells = std::min<std::size_t>(kBarCells, *current * kBarCells / limit_bytes_);
    bar = fmt::format(" [{:#<{}}{:.<{}}] of {}", "", cells, "", kBarCells - cells, base::human_size(limit_bytes_));
  }
  write_line(fmt::format("\r\x1b[K{}{}  {}/s  {}", base::human_size(*current), bar,
                         base::human_size(static_cast<std::uint64_t>(rate)),
                         base::human_duration(std::chrono::duration<double>(now - start_).count())));
  shown_ = now;
  last_bytes_ = *current;
}

void Progress::clear() {
  if (enabled_ && shown_ != Clock::time_point{}) {
    write_line("\r\x1b[K");
  }
}

}  // namespace cli

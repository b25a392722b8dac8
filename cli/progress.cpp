#include "cli/progress.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"
#include "cgroup/parse.h"
#include "cli/report.h"

namespace cli {
namespace {

constexpr std::chrono::milliseconds kInterval{100};
// The kernel brings PSI totals up to date every 2 s (psi_show in kernel/sched/psi.c).
constexpr std::chrono::seconds kPsiWindow{2};
constexpr std::size_t kBarCells = 20;

void write_line(std::string_view text) {
  (void)base::write_all(STDERR_FILENO, text);  // only a display
}

std::string bar(const ProgressFacts& facts) {
  if (!facts.limit_bytes || *facts.limit_bytes == 0) {
    return "";
  }
  const auto share = static_cast<double>(facts.level_bytes) / static_cast<double>(*facts.limit_bytes);
  const auto cells = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarCells);
  return fmt::format(" [{:#<{}}{:.<{}}] of {}", "", cells, "", kBarCells - cells, base::human_size(*facts.limit_bytes));
}

std::string rate_words(double rate) {
  return fmt::format("{}{}/s", rate < 0 ? "-" : "+", base::human_size(static_cast<std::uint64_t>(std::abs(rate))));
}

// The most important first.
std::vector<std::string> parts_of(const ProgressFacts& facts) {
  std::vector<std::string> parts;
  const auto add_count = [&parts](std::string_view name, std::uint64_t count) {
    if (count > 0) {
      parts.push_back(fmt::format("{} {}", name, count));
    }
  };
  const auto add_size = [&parts](std::string_view name, std::uint64_t bytes) {
    if (bytes > 0) {
      parts.push_back(fmt::format("{} {}", name, base::human_size(bytes)));
    }
  };
  if (facts.rate) {
    parts.push_back(rate_words(*facts.rate));
  }
  add_count("KILLED", facts.kills);
  if (facts.stalled_share) {
    parts.push_back(fmt::format("PSI {:.0f} %", *facts.stalled_share * 100));
  }
  add_count("max", facts.max_events);
  add_count("high", facts.high_events);
  add_size("swap", facts.swap_bytes);
  add_size("reclaimed", facts.reclaimed_bytes);
  parts.push_back(base::human_duration(facts.seconds));
  return parts;
}

}  // namespace

std::string progress_line(const ProgressFacts& facts, std::size_t width) {
  std::string line = base::human_size(facts.level_bytes) + bar(facts);
  for (const auto& part : parts_of(facts)) {
    if (line.size() + 2 + part.size() > width) {
      break;
    }
    line += "  " + part;
  }
  return line.substr(0, width);
}

Progress::Progress(bool enabled, const cgroup::Dir& dir, const cgroup::Limits& limits) : enabled_(enabled), dir_(dir) {
  if (limits.memory_max) {
    limit_bytes_ = limits.memory_max->bytes;
  }
}

std::optional<double> Progress::stalled_share(Clock::time_point now) {
  const auto pressure = dir_.value("memory.pressure", cgroup::parse_pressure);
  if (!pressure || !pressure->some) {
    return std::nullopt;
  }
  if (now - window_start_ >= kPsiWindow) {
    share_ = std::chrono::duration<double>(pressure->some->total - window_stalled_) /
             std::chrono::duration<double>(now - window_start_);
    window_start_ = now;
    window_stalled_ = pressure->some->total;
  }
  return share_;
}

// What reclaim has taken from the group so far; counted in pages.
std::uint64_t Progress::reclaimed() {
  const auto stat = dir_.value("memory.stat", cgroup::parse_counters);
  const auto pages = stat ? cgroup::find(*stat, "pgsteal") : std::nullopt;
  return pages.value_or(0) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

ProgressFacts Progress::look(Clock::time_point now) {
  ProgressFacts facts{.limit_bytes = limit_bytes_, .seconds = std::chrono::duration<double>(now - start_).count()};
  facts.level_bytes = dir_.value("memory.current", cgroup::parse_count).value_or(0);
  if (shown_ != Clock::time_point{}) {
    facts.rate = (static_cast<double>(facts.level_bytes) - static_cast<double>(last_bytes_)) /
                 std::chrono::duration<double>(now - shown_).count();
  }
  facts.stalled_share = stalled_share(now);
  if (const auto events = dir_.value("memory.events", cgroup::parse_memory_events)) {
    facts.max_events = events->max.value_or(0);
    facts.high_events = events->high.value_or(0);
    facts.kills = events->oom_kill.value_or(0);
  }
  facts.swap_bytes = dir_.value("memory.swap.current", cgroup::parse_count).value_or(0);
  facts.reclaimed_bytes = reclaimed();
  return facts;
}

void Progress::update() {
  const auto now = Clock::now();
  if (!enabled_ || now - shown_ < kInterval) {
    return;
  }
  const auto facts = look(now);
  write_line("\r\x1b[K" + progress_line(facts, columns(STDERR_FILENO) - 1));
  shown_ = now;
  last_bytes_ = facts.level_bytes;
}

void Progress::clear() {
  if (enabled_ && shown_ != Clock::time_point{}) {
    write_line("\r\x1b[K");
  }
}

}  // namespace cli

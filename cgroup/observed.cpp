#include "cgroup/observed.h"

#include <sys/stat.h>

#include "base/escape.h"
#include "cgroup/parse.h"

namespace cgroup {
namespace {

constexpr unsigned kStatEvery = 10;      // samples
constexpr std::uint64_t kStatStep = 16;  // parts of memory.current
constexpr std::chrono::milliseconds kRefreshEvery{250};

std::uint64_t of(const Counters& counters, std::string_view name) {
  return find(counters, name).value_or(kNothing);
}

std::uint64_t microseconds(const std::optional<PressureLine>& line) {
  return line ? static_cast<std::uint64_t>(line->total.count()) : kNothing;
}

std::uint64_t kills_of(const std::optional<MemoryEvents>& events) {
  return events ? events->oom_kill.value_or(0) : 0;
}

}  // namespace

base::Result<Observed> Observed::open(const std::filesystem::path& folder) {
  TRY_ASSIGN(auto dir, Dir::open(folder));
  struct stat status{};
  if (::fstat(dir.fd(), &status) != 0) {
    return base::system_error(base::escape_terminal(folder.native()));
  }
  TRY_ASSIGN(auto ring, FlightRing::create());
  const auto now = Clock::now();
  Observed group(std::move(dir), status.st_ino, std::move(ring), now);
  (void)group.refresh(now);  // gone already: then it stays empty
  return group;
}

void Observed::add_row(std::uint64_t memory, bool with_stat, Row::Weight weight, Clock::time_point now) {
  Row row{.t_ns = std::chrono::nanoseconds(now - start_).count(),
          .memory = memory,
          .swap = last_.swap_current.value_or(kNothing),
          .weight = weight};
  if (with_stat) {
    row.anon = of(last_.memory_stat, "anon");
    row.file = of(last_.memory_stat, "file");
    row.shmem = of(last_.memory_stat, "shmem");
    row.kernel = of(last_.memory_stat, "kernel");
    row.psi_some_us = last_.pressure ? microseconds(last_.pressure->some) : kNothing;
    row.psi_full_us = last_.pressure ? microseconds(last_.pressure->full) : kNothing;
    stat_at_ = memory;
    since_stat_ = 0;
  }
  ring_.add(row);
}

void Observed::sample(Clock::time_point now) {
  const auto memory = dir_.value("memory.current", parse_count);
  if (!memory) {
    return;  // the root, a group without the controller, or one that is gone
  }
  last_.memory_current = memory;
  last_.swap_current = dir_.value("memory.swap.current", parse_count);
  const auto moved = *memory > stat_at_ ? *memory - stat_at_ : stat_at_ - *memory;
  const bool due = ++since_stat_ >= kStatEvery || moved > stat_at_ / kStatStep;
  if (due) {
    if (auto stat = dir_.value("memory.stat", parse_counters)) {
      last_.memory_stat = *std::move(stat);
    }
    last_.pressure = dir_.value("memory.pressure", parse_pressure);
  }
  add_row(*memory, due, Row::Weight::plain, now);
}

bool Observed::refresh(Clock::time_point now) {
  // A group at its limit has an event every few milliseconds: that must not cost much, nor fill the recorder.
  if (refreshed_ && now - *refreshed_ < kRefreshEvery &&
      kills_of(dir_.value("memory.events", parse_memory_events)) == kills_of(last_.events)) {
    return true;
  }
  auto read = take_snapshot(dir_);
  if (!read.memory_current) {
    return false;
  }
  refreshed_ = now;
  const bool killed = kills_of(read.events_local) > kills_of(last_.events_local);
  // At a kill the counters of before it tell more than those of after it.
  if (killed && !last_.memory_stat.empty()) {
    read.memory_stat = std::move(last_.memory_stat);
  }
  last_ = std::move(read);
  add_row(*last_.memory_current, !killed, killed ? Row::Weight::kill : Row::Weight::event, now);
  return true;
}

}  // namespace cgroup

#include "cgroup/recorder.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "cgroup/parse.h"
#include "cgroup/timeline.h"

namespace cgroup {
namespace {

using base::Fd;
using base::Result;

constexpr std::size_t kStatBytes = std::size_t{16} << 10;  // memory.stat of Linux 6.18 has 2 KiB

// Of the time, 1/200 may go into reading memory.stat and 1/400 into memory.pressure: the dear ones of the files.
constexpr std::int64_t kStatShare = 200;
constexpr std::int64_t kPressureShare = 400;

std::chrono::nanoseconds monotonic_now() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail with this clock
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

// A control file that stays open, and the text last read from it. No allocation after the opening.
template <std::size_t Size>
class OpenFile {  // NOLINT(cppcoreguidelines-pro-type-member-init): clearing its buffer costs more than all readings
 public:
  void open(const Dir& dir, const char* name) {
    if (auto opened = dir.open_file(name, O_RDONLY)) {
      fd_ = *std::move(opened);
    }
  }
  [[nodiscard]] const Fd& fd() const { return fd_; }
  [[nodiscard]] std::string_view text() const { return {buffer_.data(), size_}; }

  // Whole lines only: what does not fit is cut at a line's end. False when it cannot be read (and the text stays);
  // vanished: the cgroup is gone.
  bool read(bool& vanished) {
    if (!fd_) {
      return false;
    }
    const ssize_t got = ::pread(fd_.get(), buffer_.data(), buffer_.size(), 0);
    if (got < 0) {
      vanished = vanished || errno == ENODEV;
      return false;
    }
    const std::string_view all(buffer_.data(), static_cast<std::size_t>(got));
    size_ = all.size() < buffer_.size() ? all.size() : all.rfind('\n') + 1;
    return true;
  }

 private:
  Fd fd_;
  std::size_t size_ = 0;
  std::array<char, Size> buffer_;  // its first size_ bytes
};

// The number at the start of text.
std::uint64_t number_at(std::string_view text) {
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? value : kNothing;
}

// The number behind the key ("anon ", "total="), which begins a line; nothing when it is not there.
std::uint64_t number_after(std::string_view text, std::string_view key) {
  for (auto at = text.find(key); at != std::string_view::npos; at = text.find(key, at + 1)) {
    if (at == 0 || text[at - 1] == '\n') {
      return number_at(text.substr(at + key.size()));
    }
  }
  return kNothing;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123": the total of the line with that first word.
std::uint64_t pressure_total(std::string_view text, std::string_view word) {
  const auto line = text.find(word);
  const auto total = line == std::string_view::npos ? line : text.find("total=", line);
  return total == std::string_view::npos ? kNothing : number_at(text.substr(total + 6));
}

// Readable (EPOLLIN) when memory.events changed: an epoll descriptor that waits for the file's EPOLLPRI, which the next
// reading of the file takes back; for a file without poll(2) inotify (which is slow to close: it waits for an RCU grace
// period). Without the file: never readable.
Result<Fd> watch_events(const Dir& dir, const Fd& events) {
  if (events) {
    Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event event{};
    event.events = EPOLLPRI;
    if (epoll && ::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, events.get(), &event) == 0) {
      return epoll;
    }
    Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (inotify && ::inotify_add_watch(inotify.get(), (dir.path() / "memory.events").c_str(), IN_MODIFY) >= 0) {
      return inotify;
    }
  }
  Fd never(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!never) {
    return base::system_error("eventfd");
  }
  return never;
}

}  // namespace

struct Recorder::State {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): peak_stat has a size
  State(Timeline rows, Now clock) : timeline(std::move(rows)), now(clock), start(clock()) {}

  Timeline timeline;
  Now now;
  std::chrono::nanoseconds start;
  Fd event_fd;
  OpenFile<64> memory, swap;
  OpenFile<512> pressure;
  OpenFile<1024> events;
  OpenFile<kStatBytes> stat;

  std::int64_t next_stat_ns = 0, next_pressure_ns = 0;
  std::uint64_t peak = 0;       // highest memory.current of a row with memory.stat
  std::uint64_t peak_user = 0;  // what read_stat() looks at in the stat that is kept for it
  std::size_t peak_stat_size = 0;
  std::array<char, kStatBytes> peak_stat;  // its first peak_stat_size bytes
  std::uint64_t oom_kills = 0;
  MemoryEvents parsed_events;
  bool vanished = false;

  void record(bool event);
  bool read_events();
  void read_stat(Row& row);
  // Reads a file that is due and sets when it is due again, by what that cost.
  template <std::size_t Size>
  bool read_if_due(OpenFile<Size>& file, std::int64_t t_ns, bool always, std::int64_t& next_ns, std::int64_t share);
};

template <std::size_t Size>
bool Recorder::State::read_if_due(OpenFile<Size>& file, std::int64_t t_ns, bool always, std::int64_t& next_ns,
                                  std::int64_t share) {
  if (!always && t_ns < next_ns) {
    return false;
  }
  const auto before = now();
  const bool read = file.read(vanished);
  next_ns = t_ns + (now() - before).count() * share;
  return read;
}

void Recorder::State::read_stat(Row& row) {
  row.anon = number_after(stat.text(), "anon ");
  row.file = number_after(stat.text(), "file ");
  row.shmem = number_after(stat.text(), "shmem ");
  row.kernel = number_after(stat.text(), "kernel ");  // from 5.18 on
  const auto nearly = [](std::uint64_t value, unsigned part) { return value - value / part; };
  if (row.memory == kNothing || row.memory < nearly(peak, 64)) {
    return;
  }
  // A kill may have come between the two readings: memory.stat counts for what was there before and after it. Of
  // several at the limit the newest says what was killed, unless it shows that the kill is under way.
  const auto still = memory.read(vanished) ? std::min(row.memory, number_at(memory.text())) : 0;
  // Page tables count, too: an ending process's are taken out of memory.stat first and given back only after an RCU
  // grace period, in which memory.current stands at the peak (mm/mmu_gather.c, tlb_remove_table()).
  const auto known = [](std::uint64_t value) { return value == kNothing ? 0 : value; };
  const auto user = known(row.anon) + known(row.file) + known(number_after(stat.text(), "pagetables "));
  if (still > peak || peak_stat_size == 0 || (still >= nearly(peak, 64) && user >= nearly(peak_user, 16))) {
    peak = std::max(peak, still);
    peak_user = user;
    peak_stat_size = stat.text().size();
    std::memcpy(peak_stat.data(), stat.text().data(), peak_stat_size);
  }
}

// Takes one row. Values come from what was read just now; a file that cannot be read, or is not due, leaves its values
// out.
void Recorder::State::record(bool event) {
  Row row{.t_ns = (now() - start).count()};
  if (memory.read(vanished)) {
    row.memory = number_at(memory.text());
  }
  if (event && read_events()) {
    row.weight = Row::Weight::kill;
  } else if (event) {
    row.weight = Row::Weight::event;
  }
  if (vanished) {
    return;
  }
  if (swap.read(vanished)) {
    row.swap = number_at(swap.text());
  }
  if (read_if_due(pressure, row.t_ns, event, next_pressure_ns, kPressureShare)) {
    row.psi_some_us = pressure_total(pressure.text(), "some ");
    row.psi_full_us = pressure_total(pressure.text(), "full ");
  }
  // Also each time the memory has grown by a sixteenth: few times in a run, and the stat of the peak is never far from
  // it.
  const bool grown = row.memory != kNothing && row.memory > peak + peak / 16;
  if (read_if_due(stat, row.t_ns, event || grown, next_stat_ns, kStatShare)) {
    read_stat(row);
  }
  timeline.add(row);
}

// Reads memory.events; true when oom_kill has grown.
bool Recorder::State::read_events() {
  if (!events.read(vanished)) {
    return false;
  }
  const auto kills = number_after(events.text(), "oom_kill ");
  const bool grown = kills != kNothing && kills > oom_kills;
  oom_kills = kills == kNothing ? oom_kills : kills;
  return grown;
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recorder::Recorder(Recorder&&) noexcept = default;
Recorder& Recorder::operator=(Recorder&&) noexcept = default;
Recorder::~Recorder() = default;

Result<Recorder> Recorder::create(const Dir& dir, std::size_t capacity, Now now) {
  TRY_ASSIGN(auto timeline, Timeline::create(capacity));
  auto state = std::make_unique<State>(std::move(timeline), now != nullptr ? now : monotonic_now);
  state->memory.open(dir, "memory.current");
  if (!state->memory.fd()) {
    return base::fail(base::ErrorKind::unsupported, (dir.path() / "memory.current").native() +
                                                        ": not there, so this cgroup has no memory controller");
  }
  state->swap.open(dir, "memory.swap.current");
  state->pressure.open(dir, "memory.pressure");
  state->stat.open(dir, "memory.stat");
  state->events.open(dir, "memory.events");
  TRY_ASSIGN(state->event_fd, watch_events(dir, state->events.fd()));
  (void)state->read_events();  // kills from before are not news
  return Recorder(std::move(state));
}

void Recorder::sample() {
  if (!state_->vanished) {
    state_->record(false);
  }
}

int Recorder::event_fd() const {
  return state_->event_fd.get();
}

bool Recorder::on_event() {
  char drained[4096];
  while (::read(state_->event_fd.get(), drained, sizeof drained) > 0) {  // fails at once on the epoll descriptor
  }
  const auto kills = state_->oom_kills;
  if (!state_->vanished) {
    state_->record(true);
  }
  if (state_->vanished) {  // the file of a cgroup that is gone is ready for ever
    (void)::epoll_ctl(state_->event_fd.get(), EPOLL_CTL_DEL, state_->events.fd().get(), nullptr);
  }
  return state_->oom_kills > kills;
}

std::vector<Sample> Recorder::samples() const {
  return state_->timeline.samples();
}

Counters Recorder::stat_at_peak() const {
  return parse_counters({state_->peak_stat.data(), state_->peak_stat_size}).value_or(Counters{});
}

const MemoryEvents& Recorder::events() const {
  if (auto parsed = parse_memory_events(state_->events.text())) {
    state_->parsed_events = *std::move(parsed);
  }
  return state_->parsed_events;
}

unsigned Recorder::interval_factor() const {
  return state_->timeline.interval_factor();
}

}  // namespace cgroup

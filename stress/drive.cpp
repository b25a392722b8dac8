#include "stress/drive.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "base/bytes.h"
#include "stress/pause.h"
#include "stress/populate.h"
#include "stress/profile.h"

namespace stress {
namespace {

constexpr double kCloseEnough = 0.005;        // of the size: where correcting ends
constexpr double kTolerance = 0.03;           // of the size: what still counts as reached
constexpr std::uint64_t kUnpacedChunks = 64;  // in one step when nothing has to be looked at in between
constexpr int kCorrections = 16;
constexpr double kPsiWindow = 1;         // seconds, at least
constexpr double kLongestPsiWindow = 5;  // after that nothing has changed
constexpr double kReport = 0.1;          // seconds between two notes of the level

double seconds(Clock::duration duration) {
  return std::chrono::duration<double>(duration).count();
}

double as_double(std::uint64_t bytes) {
  return static_cast<double>(bytes);
}

// The counter's level, between two looks at it extrapolated from what the pool has added.
class Level {
 public:
  Level(const Meter& meter, std::string_view counter, const Pool& pool)
      : meter_(meter), counter_(counter), pool_(pool), base_(meter.read(counter)) {
    last_ = as_double(base_.value_or(0));
  }
  [[nodiscard]] bool is_told() const { return base_.has_value(); }

  // The counter's bytes per own byte.
  [[nodiscard]] double factor() const { return factor_; }
  [[nodiscard]] double now() const { return last_ + factor_ * (as_double(pool_.held()) - as_double(last_held_)); }
  // Own bytes for that many of the counter's, whole units, at least one.
  [[nodiscard]] std::uint64_t own(double bytes) const {
    const std::uint64_t unit = pool_.unit();
    const double units = std::min(bytes / factor_ / as_double(unit), 1e15);
    return std::max<std::uint64_t>(1, static_cast<std::uint64_t>(units)) * unit;
  }
  // What the smallest step costs, in the counter's bytes.
  [[nodiscard]] double unit_cost() const { return factor_ * as_double(pool_.unit()); }
  // How many own bytes were added or taken away since the last look.
  [[nodiscard]] std::uint64_t unseen() const {
    return pool_.held() > last_held_ ? pool_.held() - last_held_ : last_held_ - pool_.held();
  }

  void look() {
    if (!is_told()) {
      return;
    }
    last_ = as_double(meter_.read(counter_).value_or(static_cast<std::uint64_t>(last_)));
    last_held_ = pool_.held();
    const double risen = last_ - as_double(*base_);
    if (!pool_.is_exact() && risen > 0 && pool_.held() > 0) {
      factor_ = std::clamp(risen / as_double(pool_.held()), 1.0 / 64, 64.0);
    }
  }
  // Whether the counter has risen by at least an eighth of what was added.
  [[nodiscard]] bool follows() const { return !is_told() || last_ - as_double(*base_) >= as_double(pool_.held()) / 8; }

 private:
  const Meter& meter_;
  std::string_view counter_;
  const Pool& pool_;
  std::optional<std::uint64_t> base_;
  double factor_ = 1;
  double last_ = 0;
  std::uint64_t last_held_ = 0;
};

// What may stop the growth before the profile does.
class Stops {
 public:
  Stops(const Parameters& parameters, const Meter& meter) : meter_(meter) {
    if (parameters.has("until-limit") && meter.limit_bytes) {
      level_ = *meter.limit_bytes / 100 * parameters.count("until-limit");
    }
    if (parameters.has("until-psi")) {
      psi_ = static_cast<double>(parameters.count("until-psi")) / 100;
    }
  }

  // How much may be added now; 0 once one of them is reached.
  std::uint64_t room(Clock::time_point now) {
    if (psi_ && stalled_share(now) >= *psi_) {
      return 0;
    }
    if (!level_) {
      return kEndless;
    }
    const auto level = meter_.read_level().value_or(0);
    return level < *level_ ? *level_ - level : 0;
  }
  [[nodiscard]] bool watch_closely() const { return psi_.has_value(); }

 private:
  // Of the last window; before the first is over it is not known. A window ends when the total has changed: the kernel
  // brings it up to date every two seconds only (kernel/sched/psi.c, psi_show()).
  double stalled_share(Clock::time_point now) {
    const auto total = meter_.read_stalled();
    if (!total) {
      return 0;
    }
    if (!window_stalled_) {
      window_start_ = now;
      window_stalled_ = total;
    }
    const double length = seconds(now - window_start_);
    if (length >= kLongestPsiWindow || (length >= kPsiWindow && *total != *window_stalled_)) {
      share_ = (*total - *window_stalled_) / length;
      window_start_ = now;
      window_stalled_ = total;
    }
    return share_;
  }

  const Meter& meter_;
  std::optional<std::uint64_t> level_;
  std::optional<double> psi_;
  Clock::time_point window_start_;
  std::optional<double> window_stalled_;
  double share_ = 0;
};

class Drive {
 public:
  Drive(const Context& context, Pool& pool, std::string_view counter, const Profile& profile)
      : context_(context),
        pool_(pool),
        counter_(counter),
        profile_(profile),
        level_(context.meter, counter, pool),
        stops_(context.parameters, context.meter),
        chunk_(std::max(pool.unit(), context.parameters.size("chunk"))) {}

  base::Result<> run() {
    TRY(check_counter());
    start_ = Clock::now();
    TRY(follow_profile());
    if (!stopped_ && profile_.level(profile_.end_s()) != kEndless) {
      TRY(settle(as_double(profile_.level(std::min(profile_.end_s(), 1e12)))));
    }
    report("end");
    return {};
  }
  [[nodiscard]] double level() const { return level_.now(); }

 private:
  base::Result<> check_counter() const {
    if (context_.meter.counter && !level_.is_told() && !counter_.empty()) {
      return base::fail(
          base::ErrorKind::unsupported,
          fmt::format("this kernel's memory.stat has no '{}': it does not charge that to a cgroup", counter_),
          "a newer kernel; in the micro-VM --kernel picks one");
    }
    return {};
  }

  base::Result<> follow_profile();
  [[nodiscard]] double shape_time(Clock::time_point now);
  [[nodiscard]] bool can_grow(double missing) const;
  [[nodiscard]] bool can_shrink(double excess) const;
  base::Result<> grow(double missing, std::uint64_t room);
  base::Result<> shrink(double excess);
  [[nodiscard]] base::Result<> last_straw(base::Error error) const;
  base::Result<> settle(double target);
  base::Result<> look_if_due();
  void report(std::string_view step);
  [[nodiscard]] std::uint64_t budget() const;

  const Context& context_;
  Pool& pool_;
  std::string_view counter_;
  const Profile& profile_;
  Level level_;
  Stops stops_;
  std::uint64_t chunk_;
  Clock::time_point start_, reported_, grown_at_;  // grown_at_: when it grew last
  Clock::duration paused_{};
  std::uint64_t grown_ = 0;
  std::uint64_t turns_ = 0;  // of the shape (Profile::due_s()), reached so far
  bool stopped_ = false;     // by --until-..., or by reclaim
  bool followed_ = false;
};

// A pool that the counter does not follow is not grown for ever.
std::uint64_t Drive::budget() const {
  if (profile_.size == kEndless) {
    return kEndless;
  }
  return pool_.is_exact() ? profile_.size + profile_.size / 64 + pool_.unit() : 4 * profile_.size + 16 * pool_.unit();
}

base::Result<> Drive::follow_profile() {
  while (true) {
    paused_ += wait_while_paused();
    const auto now = Clock::now();
    const double t = shape_time(now);
    const auto wanted = profile_.level(t);
    const double missing =
        wanted == kEndless ? std::numeric_limits<double>::infinity() : as_double(wanted) - level_.now();
    const auto room = stops_.room(now);
    if (room == 0) {
      stopped_ = true;
      return {};
    }
    const bool is_over = t >= profile_.end_s();
    if (can_grow(missing)) {
      TRY(grow(missing, room));
    } else if (is_over) {
      return {};  // what is too much now is settle()'s
    } else if (can_shrink(-missing)) {
      TRY(shrink(-missing));
    } else {
      paused_ += wait_until(
          now + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(profile_.tick_s())));
    }
    if (now - reported_ >= std::chrono::duration<double>(kReport)) {
      reported_ = now;
      report("growth");
    }
  }
}

// The time of the shape. It stands still while a turn that is due is not reached: a slow machine has the same shape,
// only later.
double Drive::shape_time(Clock::time_point now) {
  const double t = seconds(now - start_ - paused_);
  for (double due = profile_.due_s(turns_); t >= due; due = profile_.due_s(++turns_)) {
    const double missing = as_double(profile_.level(due)) - level_.now();
    if (can_grow(missing) || can_shrink(-missing)) {
      paused_ += std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(t - due));
      return due;
    }
  }
  return t;
}

bool Drive::can_grow(double missing) const {
  return missing >= level_.unit_cost() && pool_.held() < budget();
}

bool Drive::can_shrink(double excess) const {
  return excess > std::max(level_.unit_cost(), as_double(chunk_)) && pool_.held() > 0 && pool_.can_shrink();
}

base::Result<> Drive::grow(double missing, std::uint64_t room) {
  const bool step_by_step = profile_.is_paced() || stops_.watch_closely();
  double step = std::min(missing, as_double(step_by_step ? chunk_ : chunk_ * kUnpacedChunks));
  step = std::min(step, as_double(room));
  if (!pool_.is_exact()) {
    // As long as it is not known what a unit costs: slowly.
    step = std::min(step, followed_ ? missing / 2 : as_double(std::max<std::uint64_t>(chunk_ / 8, pool_.unit())));
  }
  std::uint64_t bytes = level_.own(std::max(step, as_double(pool_.unit())));
  bytes = std::min(bytes, std::max(pool_.unit(), (budget() - pool_.held()) / pool_.unit() * pool_.unit()));
  if (context_.cap_bytes != 0 && !pool_.is_reclaimable()) {
    const auto left = context_.cap_bytes > pool_.held() ? context_.cap_bytes - pool_.held() : 0;
    if (left < pool_.unit()) {
      return base::fail(
          base::ErrorKind::unsupported,
          fmt::format("filled {} and was not stopped: the limit does not hold", base::human_size(pool_.held())));
    }
    bytes = std::min(bytes, left / pool_.unit() * pool_.unit());
  }
  if (auto grown = pool_.grow(bytes); !grown) {
    return last_straw(std::move(grown).error());
  }
  grown_at_ = Clock::now();
  grown_ += bytes;
  return look_if_due();
}

// Some kinds are refused at the limit (ENOMEM) instead of killing anybody. Who fills to the kill gets it by ordinary
// pages then, which are never refused; they are few. Where it is not the limit that refused, the error stands.
base::Result<> Drive::last_straw(base::Error error) const {
  const auto limit = context_.meter.limit_bytes;
  const auto level = context_.meter.read_level();
  const bool at_limit = limit && level && *level >= *limit / 8 * 7;
  if (error.sys_errno == ENOMEM && profile_.size == kEndless && at_limit) {
    const auto length = *limit / 4;
    void* mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped != MAP_FAILED) {
      (void)populate(mapped, length);  // no return, unless nobody may be killed
    }
  }
  return std::unexpected(std::move(error));
}

base::Result<> Drive::shrink(double excess) {
  TRY(pool_.shrink(std::min(level_.own(excess), pool_.held())));
  return look_if_due();
}

// Exact pools are trusted in between. The first look at another decides whether the kernel charges it here at all.
base::Result<> Drive::look_if_due() {
  if (pool_.is_exact() || !level_.is_told()) {
    return {};
  }
  const double due = followed_ ? level_.now() / 16 : 0;
  if (as_double(level_.unseen()) * level_.factor() < due) {
    return {};
  }
  level_.look();
  constexpr std::uint64_t kProbe = 1ULL << 20;  // per-CPU batches and caches hide less
  if (!followed_ && pool_.held() >= std::max(kProbe, 4 * pool_.unit())) {
    if (!level_.follows()) {
      return base::fail(base::ErrorKind::unsupported,
                        fmt::format("added {} and {} did not follow: this kernel does not charge that to the cgroup",
                                    base::human_size(pool_.held()), counter_),
                        "another kernel, or another file system for it; in the micro-VM --kernel and --guest-disk");
    }
    followed_ = true;
  }
  return {};
}

// Brings the counter to the target: by what it says, not by what should have happened.
base::Result<> Drive::settle(double target) {
  const double enough = std::max(target * kCloseEnough, 0.6 * level_.unit_cost());
  for (int round = 0; round < kCorrections; ++round) {
    level_.look();
    const double missing = target - level_.now();
    if (std::abs(missing) <= enough) {
      return {};
    }
    if (missing > 0) {
      const auto budget_left = budget() > pool_.held() ? budget() - pool_.held() : 0;
      const auto bytes = std::min(level_.own(missing), budget_left / pool_.unit() * pool_.unit());
      if (bytes == 0) {
        return {};
      }
      TRY(pool_.grow(bytes));
    } else if (pool_.can_shrink() && pool_.held() >= pool_.unit()) {
      TRY(pool_.shrink(std::min(level_.own(-missing), pool_.held())));
    } else {
      return {};
    }
  }
  level_.look();
  return {};
}

void Drive::report(std::string_view step) {
  context_.note(step, "level", level_.now(), "bytes");
  if (grown_ > 0) {
    context_.note(step, "growth", as_double(grown_) / seconds(grown_at_ - start_ - paused_), "bytes/s");
  }
}

}  // namespace

base::Result<> drive(const Context& context, Pool& pool, std::string_view counter) {
  TRY_ASSIGN(const auto profile, profile_of(context.parameters));
  listen_for_pause();
  Drive engine(context, pool, counter, profile);
  TRY(engine.run());
  if (context.must_reach && profile.size != kEndless) {
    const double target = as_double(profile.level(std::min(profile.end_s(), 1e12)));
    if (std::abs(engine.level() - target) > std::max(target * kTolerance, as_double(pool.unit()))) {
      return base::fail(base::ErrorKind::syscall,
                        fmt::format("{} is {}, not {}: it does not get there here", counter,
                                    base::human_size(static_cast<std::uint64_t>(engine.level())),
                                    base::human_size(static_cast<std::uint64_t>(target))));
    }
  }
  hold(context.parameters.seconds("hold"));
  return {};
}

void hold(double seconds) {
  constexpr double kForever = 3e8;  // ten years, what a duration can be at most
  const auto length = std::chrono::duration<double>(std::min(seconds, kForever));
  (void)wait_until(Clock::now() + std::chrono::duration_cast<Clock::duration>(length));
}

}  // namespace stress

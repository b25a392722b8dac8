// Reports of a slot: which begins, which of two a line is of, which is over.
#include <algorithm>
#include <ranges>

#include "forensics/assembler.h"
#include "forensics/excerpt.h"

namespace forensics {
namespace {

constexpr double kBraidGap = 5;      // a report that was silent for longer when another begins was cut
constexpr double kReaperDelay = 10;  // how long an incident waits for the reaper's line
constexpr std::size_t kMostWaiting = 64;

// Of a Mem-Info block whose first lines are lost; "pages RAM" is printed at boot too.
bool opens_in_mem_info(const OomLine& line) {
  if (const auto* counters = std::get_if<lines::PageCounters>(&line)) {
    return counters->counters.size() >= 2;
  }
  const auto* total = std::get_if<lines::MemoryTotal>(&line);
  return total != nullptr &&
         (total->field == &MemoryInfo::swap_free_bytes || total->field == &MemoryInfo::swap_total_bytes ||
          total->field == &MemoryInfo::pagecache_pages);
}

// Whether a line begins a report when none is open. Weak ones are printed for other reasons too and count only when a
// certain one follows.
bool opens(const OomLine& line) {
  return std::holds_alternative<lines::Trigger>(line) || std::holds_alternative<lines::AllocationFailure>(line) ||
         std::holds_alternative<lines::MemcgLimit>(line) || std::holds_alternative<lines::UsageLine>(line) ||
         std::holds_alternative<lines::StatsHeader>(line) || std::holds_alternative<lines::TaskTitle>(line) ||
         std::holds_alternative<lines::TaskHeader>(line) || std::holds_alternative<lines::TaskRow>(line) ||
         std::holds_alternative<lines::Summary>(line) || std::holds_alternative<lines::Decision>(line) ||
         std::holds_alternative<lines::Kill>(line) || std::holds_alternative<lines::GroupKill>(line) ||
         std::holds_alternative<lines::AlreadyExiting>(line) || std::holds_alternative<lines::NoKillable>(line) ||
         std::holds_alternative<lines::MemInfoStart>(line) || std::holds_alternative<lines::NodeLine>(line) ||
         std::holds_alternative<lines::ZoneLine>(line) || std::holds_alternative<lines::BuddyLine>(line) ||
         std::holds_alternative<lines::Identity>(line) || std::holds_alternative<lines::Hardware>(line) ||
         std::holds_alternative<lines::TraceStart>(line) || std::holds_alternative<lines::ShowMemory>(line) ||
         std::holds_alternative<lines::SlabStart>(line) || std::holds_alternative<lines::HugepageLine>(line) ||
         opens_in_mem_info(line) ||
         (std::holds_alternative<lines::OomPanic>(line) && !std::get<lines::OomPanic>(line).trailer);
}

// order is -1 since 3.2, before that the worker alone tells.
bool may_be_manual(const lines::Trigger& trigger) {
  return trigger.order.value_or(-1) == -1 || trigger.comm.starts_with("kworker/") ||
         trigger.comm.starts_with("events/");
}

bool same_storm(const Incident& a, const Incident& b) {
  const auto memcg = [](const Incident& incident) {
    return incident.cgroup ? incident.cgroup->oom_memcg : std::nullopt;
  };
  const bool nobody = a.kind == "no_victim" || a.kind == "allocation_failure";
  return nobody && a.kind == b.kind && a.scope == b.scope && a.time.host == b.time.host && memcg(a) == memcg(b) &&
         (memcg(a) || a.trigger.comm == b.trigger.comm) && a.trigger.order == b.trigger.order && a.manual == b.manual;
}

}  // namespace

void Assembler::open_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (!opens(what)) {
    return;
  }
  slot.open = std::make_unique<Report>(input_, line, record);
  slot.fed = slot.open.get();
  slot.foreign = 0;
  slot.last_taken = slot.open->add(what, record, line) == Report::Fit::taken;
  slot.monotonic_s = record.monotonic_s;
  slot.wall_s = record.wall ? std::optional(to_seconds(*record.wall)) : std::nullopt;
  if (std::holds_alternative<lines::Trigger>(what)) {
    // The request is another task's: a worker does what it asks for.
    if (manual_ && may_be_manual(std::get<lines::Trigger>(what))) {
      manual_ = false;
      slot.open->set_manual();
    }
    slot.open->set_suppressed(std::exchange(slot.suppressed, 0));
  }
}

// The line is of one of two reports whose lines are mixed; false when nothing shows that they are.
bool Assembler::add_braided(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  const auto whose = slot.braid.strand_of(*slot.older, *slot.open, what);
  const bool kill = std::holds_alternative<lines::Kill>(what);
  const bool mixed = slot.braid.is_mixed();
  const bool of_third = mixed ? whose == Braid::Strand::unknown || whose == Braid::Strand::neither
                              : !slot.open->has_outcome() && slot.open->claim(what) == Report::Claim::none;
  if (kill && of_third) {
    // Of one of them, or of a third whose header was rate-limited away.
    Report alone(input_, line, record);
    (void)alone.add(what, record, line);
    hand_over(alone.finish(warnings_));
    slot.last_taken = true;
  } else if (!mixed) {
    return false;
  } else if (whose == Braid::Strand::older || whose == Braid::Strand::newer) {
    slot.fed = whose == Braid::Strand::older ? slot.older.get() : slot.open.get();
    slot.last_taken = slot.fed->add(what, record, line) == Report::Fit::taken;
  } else {
    slot.last_taken = whose == Braid::Strand::unknown;
  }
  if (slot.last_taken) {
    slot.foreign = 0;
    slot.monotonic_s = record.monotonic_s ? record.monotonic_s : slot.monotonic_s;
    slot.wall_s = record.wall ? std::optional(to_seconds(*record.wall)) : slot.wall_s;
  }
  return true;
}

void Assembler::split_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  auto victim = slot.open->take_last_victim();
  close(slot);
  slot.open = std::make_unique<Report>(input_, line, record);
  if (victim) {
    slot.open->give_victim(std::move(*victim));
  }
  slot.last_taken = slot.open->add(what, record, line) == Report::Fit::taken;
}

// A report begins while another has not come to its end: two CPUs report at a time, or the older was cut. What follows
// shows it, so both stay open. Of more than two the one that is done goes, else the oldest.
bool Assembler::braid(Slot& slot, const Record& record) {
  const bool silent = record.monotonic_s && slot.monotonic_s && *record.monotonic_s - *slot.monotonic_s > kBraidGap;
  const bool over = slot.open->has_outcome() && (!slot.older || slot.older->has_outcome());
  if (silent || over || slot.suspended || !slot.open->is_certain() || slot.open->is_allocation_failure()) {
    return false;
  }
  auto done = std::move(slot.older);
  if (slot.open->has_outcome()) {
    std::swap(done, slot.open);
  }
  slot.older = std::move(slot.open);
  if (done) {
    hand_over(done->finish(warnings_));
  }
  slot.braid = {};
  return true;
}

void Assembler::next_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (slot.older && !slot.braid.is_mixed()) {
    hand_over(slot.older->finish(warnings_));  // was cut
    slot.older.reset();
  }
  if (std::holds_alternative<lines::Trigger>(what) && braid(slot, record)) {
    open_report(slot, what, record, line);
    return;
  }
  const bool failure =
      std::holds_alternative<lines::AllocationFailure>(what) || std::holds_alternative<lines::ShowMemory>(what);
  if (failure && !slot.open->has_outcome() && slot.open->is_certain() && !slot.suspended &&
      !slot.open->is_allocation_failure()) {
    slot.suspended = std::move(slot.open);  // another CPU's failure in the middle of a report
    open_report(slot, what, record, line);
    return;
  }
  if (slot.open->is_allocation_failure() && slot.suspended && !failure &&
      !std::holds_alternative<lines::Trigger>(what)) {
    auto suspended = std::move(slot.suspended);
    close(slot);
    slot.open = std::move(suspended);
    add_line(slot, what, record, line);
    return;
  }
  close(slot);
  open_report(slot, what, record, line);
}

void Assembler::mark_reaped(const lines::Reaped& reaped, std::string_view text, std::uint64_t line) {
  for (const auto& slot : slots_) {
    for (const auto* report : {&slot->open, &slot->older}) {
      if (*report && (*report)->mark_reaped(reaped, text, line)) {
        return;
      }
    }
  }
  for (auto& incident : std::views::reverse(waiting_)) {
    const auto victim = std::ranges::find(incident.victims, reaped.pid, &Victim::pid);
    if (victim != incident.victims.end()) {
      victim->reaped = reaped.reaped;
      forensics::add_line(incident.log, "reaper", text, line);
      return;
    }
  }
}

void Assembler::mark_boot(const lines::Boot& boot, const std::string& host) {
  for (const auto& slot : slots_) {
    if (slot->key.starts_with(host + "|")) {
      close(*slot);
    }
  }
  releases_.insert_or_assign(host, std::string(boot.release));
}

void Assembler::close(Slot& slot) {
  slot.fed = nullptr;
  for (auto* report : {&slot.older, &slot.suspended, &slot.open}) {
    if (*report) {
      if ((*report)->is_certain()) {
        hand_over((*report)->finish(warnings_));
      }
      report->reset();
    }
  }
  slot.incomplete.clear();
  slot.foreign = 0;
  slot.monotonic_s.reset();
  slot.wall_s.reset();
}

bool Assembler::is_idle() const {
  return std::ranges::none_of(slots_, [](const auto& slot) { return slot->open || slot->suspended; });
}

void Assembler::close_all() {
  for (const auto& slot : slots_) {
    close(*slot);
  }
}

void Assembler::hand_over(Incident incident) {
  if (!incident.kernel.release) {
    const auto release = releases_.find(incident.time.host.value_or(""));
    if (release != releases_.end()) {
      incident.kernel.release = release->second;  // as the boot's first line says
    }
  }
  if (!waiting_.empty() && same_storm(waiting_.back(), incident)) {
    auto& first = waiting_.back();
    ++first.repeats;
    first.log.last_line = std::max(first.log.last_line, incident.log.last_line);
    first.log.suppressed += incident.log.suppressed;
    return;
  }
  const auto later = [&](const Incident& other) { return other.log.first_line <= incident.log.first_line; };
  const auto before = std::ranges::find_if(waiting_ | std::views::reverse, later);
  waiting_.insert(before.base(), std::move(incident));
  std::size_t keep = kMostWaiting;
  if (now_) {
    // What the reaper can no longer speak of goes on at once, as a log that is followed needs it.
    keep = 1;
    for (const auto& waiting : waiting_) {
      keep += !waiting.time.monotonic_s || *now_ - *waiting.time.monotonic_s < kReaperDelay ? 1U : 0U;
    }
  }
  release(std::min(keep, kMostWaiting));
}

void Assembler::release(std::size_t keep) {
  while (waiting_.size() > keep && !stopped_) {
    auto incident = std::move(waiting_.front());
    waiting_.pop_front();
    stopped_ = !sink_(std::move(incident));
  }
}

void Assembler::pause() {
  for (const auto& slot : slots_) {
    if (slot->open && slot->open->has_outcome()) {
      close(*slot);
    }
  }
  release(0);
}

void Assembler::finish() {
  for (const auto& slot : slots_) {
    if (slot->fed != nullptr) {
      slot->fed->cut_off();
    }
  }
  close_all();
  std::ranges::stable_sort(waiting_, {}, [](const Incident& incident) { return incident.log.first_line; });
  release(0);
}

}  // namespace forensics

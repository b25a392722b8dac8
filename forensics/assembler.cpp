#include "forensics/assembler.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "forensics/text.h"

namespace forensics {
namespace {

constexpr double kGap = 30;             // seconds between two lines of one report
constexpr std::int64_t kWallGap = 120;  // the same by the time of day, which daemons stamp late when memory is short
constexpr double kBraidGap = 5;         // a report that was silent for longer when another begins was cut
constexpr double kBackwards = 5;        // a step back by more is a new boot
constexpr double kReaperDelay = 10;     // how long an incident waits for the reaper's line
constexpr std::uint64_t kForeignAfter = 300;  // lines of others after the kill before the report counts as over
constexpr std::uint64_t kSettled = 1000;      // lines of any kind after a report's last, when it has its outcome
constexpr std::uint64_t kAbandoned = 5000;    // and when it has none
constexpr std::size_t kMostSlots = 64;
constexpr std::size_t kMostWaiting = 64;
constexpr std::size_t kLongestJoined = 4096;  // of a line that was broken in pieces
constexpr std::size_t kSoftWrap = 70;         // mail clients break at 72 to 80 columns
constexpr std::size_t kWidestMail = 80;

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
         std::holds_alternative<lines::Identity>(line) || std::holds_alternative<lines::ShowMemory>(line) ||
         std::holds_alternative<lines::SlabStart>(line) || std::holds_alternative<lines::HugepageLine>(line) ||
         opens_in_mem_info(line) ||
         (std::holds_alternative<lines::OomPanic>(line) && !std::get<lines::OomPanic>(line).trailer);
}

// Shapes that a line of anything could have: they never show that a line was understood.
bool is_vague(const OomLine& line) {
  return std::holds_alternative<lines::StatCounter>(line);
}

// Without a last number that the end of the input may have cut.
std::string_view without_cut_number(std::string_view message) {
  const auto end = message.find_last_not_of("0123456789");
  const bool value =
      end != std::string_view::npos && std::string_view("=:- ").find(message[end]) != std::string_view::npos;
  return value ? message.substr(0, end + 1) : message;
}

// A line of several pieces of which the last is not there yet.
bool is_incomplete(const OomLine& line) {
  if (const auto* limit = std::get_if<lines::MemcgLimit>(&line)) {
    return limit->oom_memcg.empty();
  }
  if (const auto* summary = std::get_if<lines::Summary>(&line)) {
    return !summary->pid;
  }
  const auto* trigger = std::get_if<lines::Trigger>(&line);
  return trigger != nullptr && !trigger->order;
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

Assembler::Assembler(std::size_t input, Sink sink, std::vector<Warning>& warnings)
    : input_(input), sink_(std::move(sink)), warnings_(warnings), userspace_(input) {}

Assembler::Slot& Assembler::slot_of(const Record& record) {
  if (record.bare && last_slot_ != nullptr) {
    return *last_slot_;
  }
  std::string key(record.host);
  key += '|';
  key += record.caller;
  const auto found = std::ranges::find(slots_, key, [](const auto& slot) -> const std::string& { return slot->key; });
  if (found != slots_.end()) {
    return **found;
  }
  if (slots_.size() >= kMostSlots) {
    const auto idle = std::ranges::find_if(slots_, [](const auto& slot) { return !slot->open && !slot->suspended; });
    const auto victim = idle != slots_.end() ? idle : slots_.begin();
    close(**victim);
    last_slot_ = last_slot_ == victim->get() ? nullptr : last_slot_;
    slots_.erase(victim);
  }
  slots_.push_back(std::make_unique<Slot>());
  slots_.back()->key = std::move(key);
  return *slots_.back();
}

// A carrier without a year passes from one to the next unsaid.
void Assembler::watch_year(const WallTime& time, std::uint64_t line) {
  if (time.year != 0 || time.month == 0) {
    return;
  }
  if (month_ == 12 && time.month == 1) {
    warnings_.push_back({.code = "year_rollover",
                         .message = "the times pass from December to January and state no year",
                         .input = input_,
                         .line = line});
  }
  month_ = time.month;
}

void Assembler::watch_time(const Record& record, Slot& slot, std::uint64_t line) {
  if (record.monotonic_s) {
    now_ = record.monotonic_s;
    const double passed = *record.monotonic_s - slot.monotonic_s.value_or(*record.monotonic_s);
    if (passed > kGap || passed < -kBackwards) {
      close(slot);
    }
  }
  std::optional<std::int64_t> wall;
  if (record.wall) {
    wall = to_seconds(*record.wall);
    watch_year(*record.wall, line);
    if (slot.wall_s && !record.monotonic_s && std::abs(passed_seconds(*slot.wall_s, *record.wall)) > kWallGap) {
      close(slot);
    }
  }
  // Only lines of a report keep it alive; without one there is nothing to measure from.
  if (!slot.open) {
    slot.monotonic_s = record.monotonic_s;
    slot.wall_s = wall;
  }
}

// In the log of many hosts or of talkative programs a report's own kernel may say nothing for long.
void Assembler::close_settled(std::uint64_t line) {
  constexpr std::uint64_t kStep = 256;
  if (line < settled_ + kStep) {
    return;
  }
  settled_ = line;
  for (const auto& slot : slots_) {
    if (slot->open && line > slot->open->last_line() + (slot->open->has_outcome() ? kSettled : kAbandoned)) {
      close(*slot);
    }
  }
}

void Assembler::add(const Record& record, std::uint64_t line, std::size_t length, bool ended) {
  close_settled(line);
  if (!record.boot.empty() && record.boot != boot_) {
    if (!boot_.empty()) {
      close_all();
    }
    boot_ = record.boot;
  }
  if (add_userspace(record, record.message, line) || !record.kernel) {
    return;
  }
  if (record.bare &&
      (record.message == "--" || record.message == "-- Reboot --" || record.message.starts_with("-- Boot "))) {
    close_all();
    return;
  }
  add_message(record, record.message, line, length, ended);
}

void Assembler::add_message(const Record& record, std::string_view message, std::uint64_t line, std::size_t length,
                            bool ended) {
  if (trim(message).empty()) {
    return;
  }
  auto& slot = slot_of(record);
  watch_time(record, slot, line);
  last_slot_ = &slot;
  if (slot.fed != nullptr && slot.fed->add_row(message, line)) {
    return;
  }
  const auto text = record.bare ? trim_left(message) : message;  // an indented paste
  const auto what = parse_oom_line(ended ? text : without_cut_number(text));
  const bool recognized = what && !is_vague(*what);
  if (!recognized && message.find('\n') != std::string_view::npos) {
    // A record of several lines, unless the newline is in a name, which the whole shape shows.
    add_each_line(record, message, line, ended);
    return;
  }
  if (!what && slot.continues(text, line)) {
    return;
  }
  const bool broken =
      is_continuation(record.piece, slot, recognized) || (record.bare && slot.last_number + 1 == line && !recognized);
  if (broken && join(slot, record, message, line)) {
    slot.last_length = length;
    slot.last_number = line;
    slot.last_piece = record.piece;
    return;
  }
  slot.last_piece = record.piece;
  slot.last_taken = false;
  if (what) {
    add_line(slot, *what, record, line);
    slot.keep(*what, text, line);
    if (slot.last_taken && is_incomplete(*what)) {
      slot.incomplete = text;
    }
  }
  if (!slot.last_taken) {
    add_foreign(slot, recognized, message, line);
  }
  slot.last_text.assign(slot.open || !what ? message.substr(0, kLongestJoined) : std::string_view{});
  slot.last_length = length;
  slot.last_number = line;
}

void Assembler::add_each_line(const Record& record, std::string_view message, std::uint64_t line, bool ended) {
  for (auto rest = message; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    add_message(record, rest.substr(0, end), line, end, ended);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

// A line that the open report, if there is one, did not take.
void Assembler::add_foreign(Slot& slot, bool recognized, std::string_view message, std::uint64_t line) {
  if (!slot.open) {
    return;
  }
  if (!recognized) {
    (slot.fed != nullptr ? slot.fed : slot.open.get())->add_unrecognized(message, line);
  }
  if (++slot.foreign > kForeignAfter && slot.open->has_outcome() && (!slot.older || slot.older->has_outcome())) {
    close(slot);
  }
}

// Another CPU's line came between the pieces of one that the kernel builds by pr_cont(), or the line was longer than a
// record: ",cpuset=/,mems_allowed=0,..." and
// "(null),  order=0, ..." begin the rest.
bool Assembler::Slot::continues(std::string_view message, std::uint64_t line) {
  if (incomplete.empty() || fed == nullptr ||
      !(message.starts_with(",") || message.starts_with("(null)") ||
        message.starts_with(" as a result of limit of "))) {
    return false;
  }
  incomplete += message;
  const auto what = parse_oom_line(incomplete);
  if (!what) {
    return false;
  }
  fed->amend(*what, line);
  if (!is_incomplete(*what) || incomplete.size() > kLongestJoined) {
    incomplete.clear();
  }
  return true;
}

// Until 4.9 /dev/kmsg marks a line's first piece 'c' and the others '+'; since then 'c' marks what could not be joined
// to the piece before it.
bool Assembler::is_continuation(char piece, const Slot& slot, bool recognized) {
  if (piece == '+') {
    later_pieces_ = true;
    return slot.last_piece != 0 || !recognized;
  }
  return piece == 'c' && !later_pieces_ && !recognized;
}

bool Assembler::join(Slot& slot, const Record& record, std::string_view message, std::uint64_t line) {
  if (slot.last_text.empty()) {
    return false;
  }
  const auto word = message.substr(0, std::min(message.find(' '), message.size()));
  const bool soft = record.bare && !message.starts_with(" ") && slot.last_length <= kWidestMail &&
                    slot.last_length + 1 + word.size() > kSoftWrap;
  std::string whole = slot.last_text + (soft ? " " : "") + std::string(message);
  const auto what = parse_oom_line(whole);
  const auto before = parse_oom_line(slot.last_text);
  if (!what || is_vague(*what)) {
    if (!slot.last_taken) {
      slot.last_text = std::move(whole);  // perhaps the next line completes it
      slot.last_text.resize(std::min(slot.last_text.size(), kLongestJoined));
    }
    return false;
  }
  if (before && before->index() == what->index()) {
    if (slot.fed != nullptr && slot.last_taken) {
      slot.fed->amend(*what, line);
    }
  } else {
    add_line(slot, *what, record, line);
    slot.keep(*what, whole, line);
  }
  slot.last_text = std::move(whole);
  return true;
}

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
    if (std::exchange(manual_, false)) {
      slot.open->set_manual();
    }
    slot.open->set_suppressed(std::exchange(suppressed_, 0));
  }
}

// Lines that are of no report but say something about one, before or after it.
bool Assembler::add_remark(const OomLine& what, const Record& record) {
  if (const auto* reaped = std::get_if<lines::Reaped>(&what)) {
    mark_reaped(*reaped);
    return true;
  }
  if (const auto* boot = std::get_if<lines::Boot>(&what)) {
    mark_boot(*boot, std::string(record.host));
    return true;
  }
  if (const auto* suppressed = std::get_if<lines::Suppressed>(&what)) {
    suppressed_ += suppressed->of_oom ? suppressed->count : 0;
    return true;
  }
  if (const auto* manual = std::get_if<lines::ManualOom>(&what); manual != nullptr && !manual->ignored) {
    manual_ = true;
    return true;
  }
  return false;
}

void Assembler::add_line(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (add_remark(what, record)) {
    return;
  }
  if (!slot.open) {
    open_report(slot, what, record, line);
    return;
  }
  if (slot.older && !std::holds_alternative<lines::Trigger>(what)) {
    add_braided(slot, what, record, line);
    return;
  }
  slot.fed = slot.open.get();
  switch (slot.open->add(what, record, line)) {
    case Report::Fit::taken:
      slot.last_taken = true;
      slot.foreign = 0;
      slot.monotonic_s = record.monotonic_s ? record.monotonic_s : slot.monotonic_s;
      slot.wall_s = record.wall ? std::optional(to_seconds(*record.wall)) : slot.wall_s;
      break;
    case Report::Fit::foreign:
      // A reader of a log sees these; they are known, so they are not "unrecognized".
      break;
    case Report::Fit::split:
      split_report(slot, what, record, line);
      break;
    case Report::Fit::next_report:
      next_report(slot, what, record, line);
      break;
  }
}

// The line is of one of two reports.
void Assembler::add_braided(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  const auto whose = slot.braid.strand_of(*slot.older, *slot.open, what);
  const bool known = whose == Braid::Strand::older || whose == Braid::Strand::newer;
  if (known) {
    slot.fed = whose == Braid::Strand::older ? slot.older.get() : slot.open.get();
    slot.last_taken = slot.fed->add(what, record, line) == Report::Fit::taken;
  } else if (whose == Braid::Strand::unknown) {
    slot.last_taken = true;
  }
  if (!known && std::holds_alternative<lines::Kill>(what)) {
    // Of one of them, or of a third whose header was rate-limited away.
    Report alone(input_, line, record);
    (void)alone.add(what, record, line);
    hand_over(alone.finish(warnings_));
    slot.last_taken = true;
  }
  if (slot.last_taken) {
    slot.foreign = 0;
    slot.monotonic_s = record.monotonic_s ? record.monotonic_s : slot.monotonic_s;
    slot.wall_s = record.wall ? std::optional(to_seconds(*record.wall)) : slot.wall_s;
  }
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

void Assembler::mark_reaped(const lines::Reaped& reaped) {
  for (const auto& slot : slots_) {
    for (const auto* report : {&slot->open, &slot->older}) {
      if (*report && (*report)->mark_reaped(reaped.pid, reaped.reaped)) {
        return;
      }
    }
  }
  for (auto& incident : std::views::reverse(waiting_)) {
    const auto victim = std::ranges::find(incident.victims, reaped.pid, &Victim::pid);
    if (victim != incident.victims.end()) {
      victim->reaped = reaped.reaped;
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

// What killers of their own kind say, daemons or the kernel's low memory killer; false when it is something else.
bool Assembler::add_userspace(const Record& record, std::string_view whole, std::uint64_t line) {
  const auto end = std::min(whole.find('\n'), whole.size());
  const auto message = whole.substr(0, end);
  auto said = record.kernel ? lines::parse_userspace_of_kernel(message) : std::nullopt;
  if (!said && (!record.kernel || record.bare || message.find("]: ") != std::string_view::npos)) {
    said = lines::parse_userspace(record.tag, message);
  }
  if (!said) {
    return false;
  }
  bool taken = said->kind != lines::UserspaceLine::Kind::detail;
  if (!waiting_.empty() && UserspaceKills::adds_to(waiting_.back(), *said, record, line)) {
    taken = true;
  } else if (said->kind == lines::UserspaceLine::Kind::withdrawn) {
    if (!waiting_.empty() && waiting_.back().killer == said->killer) {
      waiting_.pop_back();
    }
  } else if (auto incident = userspace_.add(*said, record, line)) {
    hand_over(std::move(*incident));
  }
  // The low memory killer prints one record of several lines.
  if (taken && end < whole.size()) {
    (void)add_userspace(record, whole.substr(end + 1), line);
  }
  return taken;
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
  waiting_.push_back(std::move(incident));
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

#include "forensics/assembler.h"

#include <algorithm>
#include <cmath>
#include <ranges>

#include "forensics/text.h"

namespace forensics {
namespace {

constexpr double kGap = 30;             // seconds between two lines of one report
constexpr std::int64_t kWallGap = 120;  // the same by the time of day, which daemons stamp late when memory is short
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
         std::holds_alternative<lines::Identity>(line) ||
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
    : input_(input), sink_(std::move(sink)), warnings_(warnings) {}

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

void Assembler::watch_time(const Record& record, Slot& slot) {
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
    if (slot.wall_s && !record.monotonic_s && std::abs(*wall - *slot.wall_s) > kWallGap) {
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
  if (!record.kernel || record.message.starts_with("oomd kill: ") ||
      (record.bare || !record.tag.empty() || record.message.find("]: ") != std::string_view::npos)) {
    if (const auto kill = lines::parse_userspace_kill(record.tag, record.message)) {
      add_userspace(*kill, record, line);
      return;
    }
  }
  if (!record.kernel) {
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
  watch_time(record, slot);
  last_slot_ = &slot;
  if (slot.open && slot.open->add_row(message, line)) {
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
  const bool broken = record.bare && slot.last_number + 1 == line && !recognized;
  if (broken && join(slot, record, message, line)) {
    slot.last_length = length;
    slot.last_number = line;
    return;
  }
  slot.last_taken = false;
  if (what) {
    add_line(slot, *what, record, line);
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
    slot.open->add_unrecognized(message, line);
  }
  if (++slot.foreign > kForeignAfter && slot.open->has_outcome()) {
    close(slot);
  }
}

// Another CPU's line came between the pieces of one that the kernel builds by pr_cont(), or the line was longer than a
// record: ",cpuset=/,mems_allowed=0,..." and
// "(null),  order=0, ..." begin the rest.
bool Assembler::Slot::continues(std::string_view message, std::uint64_t line) {
  if (incomplete.empty() || !open || !(message.starts_with(",") || message.starts_with("(null)"))) {
    return false;
  }
  incomplete += message;
  const auto what = parse_oom_line(incomplete);
  if (!what) {
    return false;
  }
  open->amend(*what, line);
  if (!is_incomplete(*what) || incomplete.size() > kLongestJoined) {
    incomplete.clear();
  }
  return true;
}

bool Assembler::join(Slot& slot, const Record& record, std::string_view message, std::uint64_t line) {
  if (slot.last_text.empty()) {
    return false;
  }
  const auto word = message.substr(0, std::min(message.find(' '), message.size()));
  const bool soft =
      !message.starts_with(" ") && slot.last_length <= kWidestMail && slot.last_length + 1 + word.size() > kSoftWrap;
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
    if (slot.open && slot.last_taken) {
      slot.open->amend(*what, line);
    }
  } else {
    add_line(slot, *what, record, line);
  }
  slot.last_text = std::move(whole);
  return true;
}

void Assembler::open_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (!opens(what)) {
    return;
  }
  slot.open = std::make_unique<Report>(input_, line, record);
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

void Assembler::split_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  auto victim = slot.open->take_last_victim();
  close(slot);
  slot.open = std::make_unique<Report>(input_, line, record);
  if (victim) {
    slot.open->give_victim(std::move(*victim));
  }
  slot.last_taken = slot.open->add(what, record, line) == Report::Fit::taken;
}

void Assembler::next_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  const bool failure = std::holds_alternative<lines::AllocationFailure>(what);
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
    if (slot->open && slot->open->mark_reaped(reaped.pid, reaped.reaped)) {
      return;
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

void Assembler::add_userspace(const lines::UserspaceKill& kill, const Record& record, std::uint64_t line) {
  Incident incident;
  incident.kind = "userspace_kill";
  incident.killer = std::string(kill.killer);
  incident.scope = kill.memcg ? "memcg" : "unknown";
  incident.complete = true;
  incident.log = {.input = input_, .first_line = line, .last_line = line, .suppressed = 0, .unrecognized = {}};
  incident.time.monotonic_s = record.monotonic_s;
  if (record.wall) {
    incident.time.realtime = to_text(*record.wall);
  }
  if (!record.host.empty()) {
    incident.time.host = std::string(record.host);
  }
  if (kill.memcg) {
    incident.cgroup.emplace().task_memcg = std::string(*kill.memcg);
  }
  if (kill.victim) {
    incident.victims.push_back(*kill.victim);
  }
  hand_over(std::move(incident));
}

void Assembler::close(Slot& slot) {
  for (auto* report : {&slot.suspended, &slot.open}) {
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
    if (slot->open) {
      slot->open->cut_off();
    }
  }
  close_all();
  std::ranges::stable_sort(waiting_, {}, [](const Incident& incident) { return incident.log.first_line; });
  release(0);
}

}  // namespace forensics

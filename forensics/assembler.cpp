#include "forensics/assembler.h"

#include <algorithm>
#include <cmath>

#include "forensics/cut_line.h"
#include "forensics/glued.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr double kGap = 30;             // seconds between two lines of one report
constexpr std::int64_t kWallGap = 120;  // the same by the time of day, which daemons stamp late when memory is short
constexpr std::int64_t kSlowWallGap = 3600;   // while a report has no outcome: a machine that thrashes logs for an hour
constexpr double kBackwards = 5;              // a step back by more is a new boot
constexpr std::uint64_t kForeignAfter = 300;  // lines of others after the kill before the report counts as over
constexpr std::uint64_t kSettled = 1000;      // lines of any kind after a report's last, when it has its outcome
constexpr std::uint64_t kAbandoned = 5000;    // and when it has none
constexpr std::size_t kMostSlots = 64;
constexpr std::size_t kLongestJoined = 4096;  // of a line that was broken in pieces
constexpr std::size_t kSoftWrap = 70;         // mail clients break at 72 to 80 columns
constexpr std::size_t kWidestMail = 80;

// Shapes that a line of anything could have: they never show that a line was understood.
bool is_vague(const OomLine& line) {
  return std::holds_alternative<lines::StatCounter>(line);
}

// A line of several pieces of which the last is not there yet.
bool is_incomplete(const OomLine& line) {
  if (const auto* limit = std::get_if<lines::MemcgLimit>(&line)) {
    return limit->oom_memcg.empty();
  }
  if (const auto* summary = std::get_if<lines::Summary>(&line)) {
    return !summary->pid;
  }
  if (const auto* stats = std::get_if<lines::StatsHeader>(&line)) {
    return stats->cut;
  }
  const auto* trigger = std::get_if<lines::Trigger>(&line);
  return trigger != nullptr && !trigger->order;
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
    const bool unfinished = slot.open && slot.open->is_certain() && !slot.open->has_outcome();
    if (slot.wall_s && !record.monotonic_s &&
        std::abs(passed_seconds(*slot.wall_s, *record.wall)) > (unfinished ? kSlowWallGap : kWallGap)) {
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
      releases_.clear();
    }
    boot_ = record.boot;
  }
  if (add_userspace(record, ended ? record.message : without_cut_number(record.message), line) || !record.kernel) {
    return;
  }
  if (record.bare &&
      (record.message == "--" || record.message == "-- Reboot --" || record.message.starts_with("-- Boot "))) {
    close_all();
    if (record.message != "--") {  // grep's mark is no boot
      releases_.clear();
    }
    return;
  }
  auto piece = record;
  if (record.bare && empty_.line + 1 == line && !record.monotonic_s && !record.wall) {
    piece.monotonic_s = empty_.monotonic_s;  // a mail client broke the line behind its prefix
    piece.wall = empty_.wall;
    if (piece.wall) {
      piece.wall->fraction = piece.wall->zone = {};  // of a line that is gone
    }
  }
  while (const auto glued = split_glued(piece.message, piece.monotonic_s)) {
    add_message(piece, glued->first, line, glued->first.size(), true);
    piece.message = glued->rest;
    piece.monotonic_s = glued->monotonic_s;
  }
  add_message(piece, piece.message, line, length, ended);
}

void Assembler::add_message(const Record& record, std::string_view message, std::uint64_t line, std::size_t length,
                            bool ended) {
  if (trim(message).empty()) {
    pass_empty(record, line);
    return;
  }
  auto& slot = slot_of(record);
  watch_time(record, slot, line);
  last_slot_ = &slot;
  if (slot.fed != nullptr && slot.fed->add_row(message, line)) {
    return;
  }
  const auto text = record.bare ? trim_left(message) : message;  // an indented paste
  const auto what = ended ? parse_oom_line(text) : parse_cut_oom_line(text);
  if (!ended && !what && parse_oom_line(text)) {
    return;  // nothing is left of it that is known
  }
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
  if (broken && join(slot, record, message, line, ended)) {
    slot.last_length = length;
    slot.last_number = line;
    slot.last_piece = record.piece;
    return;
  }
  slot.last_piece = record.piece;
  add_whole(slot, what, record, text, line);
  if (!slot.last_taken) {
    add_foreign(slot, recognized, message, line);
  }
  slot.last_text.assign(slot.open || !what ? message.substr(0, kLongestJoined) : std::string_view{});
  slot.last_length = length;
  slot.last_number = line;
}

void Assembler::pass_empty(const Record& record, std::uint64_t line) {
  if (!record.bare) {
    empty_ = {.line = line, .monotonic_s = record.monotonic_s, .wall = record.wall};
    last_slot_ = &slot_of(record);
  }
}

void Assembler::add_whole(Slot& slot, const std::optional<OomLine>& what, const Record& record, std::string_view text,
                          std::uint64_t line) {
  slot.last_taken = false;
  if (what) {
    add_line(slot, *what, record, line);
    if (slot.last_taken && is_incomplete(*what)) {
      slot.incomplete = text;
    }
  }
}

void Assembler::add_each_line(const Record& record, std::string_view message, std::uint64_t line, bool ended) {
  auto part = record;
  for (auto rest = message; !rest.empty();) {
    const auto end = std::min(rest.find('\n'), rest.size());
    part.message = rest.substr(0, end);
    add_message(part, part.message, line, end, ended);
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
// record: ",cpuset=/,mems_allowed=0,...", "(null),  order=0, ..." or a path begin the rest.
bool Assembler::Slot::continues(std::string_view message, std::uint64_t line) {
  const bool path = message.starts_with('/') && (incomplete.ends_with('=') || incomplete.ends_with(" for "));
  if (incomplete.empty() || fed == nullptr ||
      !(path || message.starts_with(',') || message.starts_with("(null)") ||
        message.starts_with(" as a result of limit of "))) {
    return false;
  }
  incomplete += message;
  const auto what = parse_oom_line(incomplete);
  if (!what) {
    return false;
  }
  fed->amend(*what, incomplete, line);
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

// What two lines are as one, if that is known.
static std::optional<OomLine> parse_joined(std::string_view begun, std::string_view whole, bool ended) {
  if (begun.empty()) {
    return std::nullopt;
  }
  auto what = ended ? parse_oom_line(whole) : parse_cut_oom_line(whole);
  return what && !is_vague(*what) ? what : std::nullopt;
}

// Whether the line before ended at a blank, which is lost: a mail client breaks there; a terminal or a kernel anywhere.
bool Assembler::is_soft_break(const Slot& slot, const Record& record, std::string_view message) {
  const auto rest = record.bare ? trim_left(message) : message;
  const auto word = rest.substr(0, std::min(rest.find(' '), rest.size()));
  const bool indented = rest.size() < message.size();
  const bool full = slot.last_length + 1 + word.size() > kSoftWrap;
  // Two numbers of a row are two.
  const bool row = slot.last_text.find('[') < slot.last_text.find_first_not_of(" [") && !word.empty() &&
                   is_digit(slot.last_text.back()) && is_digit(word[0]);
  const bool blank = std::string_view(":=(/-_|").find(slot.last_text.back()) == std::string_view::npos;
  return record.bare && blank && (indented || (slot.last_length <= kWidestMail && (full || row)));
}

// The message completes the line before it, or that and the one before that.
bool Assembler::join(Slot& slot, const Record& record, std::string_view message, std::uint64_t line, bool ended) {
  if (slot.last_text.empty()) {
    return false;
  }
  const auto rest = record.bare ? trim_left(message) : message;
  const bool soft = is_soft_break(slot, record, message);
  const auto longer = std::exchange(slot.two_lines, {});
  for (const auto* between : {soft ? " " : "", soft ? "" : " "}) {
    for (const auto& begun : {slot.last_text, longer}) {
      auto whole = begun + between + std::string(rest);
      if (const auto what = parse_joined(begun, whole, ended)) {
        take_joined(slot, record, {.begun = begun, .whole = std::move(whole), .what = *what}, line);
        return true;
      }
    }
    if (!record.bare) {
      break;  // pieces of the kernel are as they are
    }
  }
  if (!slot.last_taken) {
    slot.two_lines = (slot.last_text + (soft ? " " : "") + std::string(rest)).substr(0, kLongestJoined);
  }
  return false;
}

void Assembler::take_joined(Slot& slot, const Record& record, Joined joint, std::uint64_t line) {
  const auto before = parse_oom_line(joint.begun);
  if (before && before->index() == joint.what.index()) {
    if (slot.fed != nullptr && slot.last_taken) {
      slot.fed->amend(joint.what, joint.whole, line);
    }
  } else {
    if (slot.fed != nullptr) {
      slot.fed->forget_unrecognized(slot.last_number);
    }
    auto joined = record;
    joined.message = joint.whole;
    add_line(slot, joint.what, joined, line);
  }
  if (!slot.incomplete.empty()) {
    slot.incomplete = is_incomplete(joint.what) ? joint.whole : std::string();
  }
  slot.last_text = std::move(joint.whole);
}

// Lines that are of no report but say something about one, before or after it.
bool Assembler::add_remark(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (const auto* reaped = std::get_if<lines::Reaped>(&what)) {
    mark_reaped(*reaped, record.message, line);
    return true;
  }
  if (const auto* boot = std::get_if<lines::Boot>(&what)) {
    mark_boot(*boot, std::string(record.host));
    return true;
  }
  if (const auto* suppressed = std::get_if<lines::Suppressed>(&what)) {
    slot.suppressed += suppressed->of_oom ? suppressed->count : 0;
    return true;
  }
  if (const auto* manual = std::get_if<lines::ManualOom>(&what); manual != nullptr && !manual->ignored) {
    manual_ = true;
    return true;
  }
  return false;
}

void Assembler::add_line(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line) {
  if (add_remark(slot, what, record, line)) {
    return;
  }
  if (!slot.open) {
    open_report(slot, what, record, line);
    return;
  }
  if (slot.older && !std::holds_alternative<lines::Trigger>(what) && add_braided(slot, what, record, line)) {
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
  auto part = record;
  part.message = message;
  if (!waiting_.empty() && UserspaceKills::adds_to(waiting_.back(), *said, part, line)) {
    taken = true;
  } else if (said->kind == lines::UserspaceLine::Kind::withdrawn) {
    if (!waiting_.empty() && waiting_.back().killer == said->killer) {
      waiting_.pop_back();
    }
  } else if (auto incident = userspace_.add(*said, part, line)) {
    hand_over(std::move(*incident));
  }
  // The low memory killer prints one record of several lines.
  if (taken && end < whole.size()) {
    (void)add_userspace(record, whole.substr(end + 1), line);
  }
  return taken;
}

}  // namespace forensics

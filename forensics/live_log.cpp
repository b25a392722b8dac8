#include "forensics/live_log.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "forensics/assembler.h"
#include "forensics/demux.h"

namespace forensics {
namespace {

constexpr std::size_t kMostKept = std::size_t{4} << 20;
constexpr std::size_t kMostWarnings = 64;

}  // namespace

struct LiveLog::Parser {
  explicit Parser(LiveLog& log)
      : demux("kmsg"),
        assembler(0, [&log](Incident&& incident) { return log.hand_over(std::move(incident)); }, warnings) {}

  std::vector<Warning> warnings;  // about lines; what they say is said by what is missing in the incident, too
  Demux demux;
  Assembler assembler;
  Record record;
};

LiveLog::LiveLog(Sink sink) : sink_(std::move(sink)), parser_(std::make_unique<Parser>(*this)) {}

LiveLog::~LiveLog() = default;

void LiveLog::add(std::string_view record) {
  const auto text = record.substr(0, record.find('\n'));
  parser_->demux.feed(text);
  while (parser_->demux.next(parser_->record)) {
    const auto& read = parser_->record;
    if (!read.sequence) {
      continue;
    }
    if (last_sequence_ && *read.sequence > *last_sequence_ + 1) {
      lost_ += *read.sequence - *last_sequence_ - 1;
    }
    last_sequence_ = read.sequence;
    resume_at_ = resume_at_ ? resume_at_ : read.sequence;
    bytes_ += record.size();
    kept_.push_back({.line = ++line_, .sequence = *read.sequence, .text = std::string(text) + "\n"});
    kept_bytes_ += kept_.back().text.size();
    parser_->assembler.add(read, line_, text.size());
  }
  while (kept_bytes_ > kMostKept) {
    kept_bytes_ -= kept_.front().text.size();
    kept_.pop_front();
  }
  if (parser_->warnings.size() > kMostWarnings) {
    parser_->warnings.clear();
  }
}

void LiveLog::pause() {
  parser_->assembler.pause();
  settle();
}

void LiveLog::finish() {
  parser_->assembler.finish();
  settle();
}

bool LiveLog::is_inside_report() const {
  return !parser_->assembler.is_idle();
}

// Everything was handed over: nobody needs what was read so far.
void LiveLog::settle() {
  if (last_sequence_ && parser_->assembler.is_idle()) {
    resume_at_ = *last_sequence_ + 1;
    kept_.clear();
    kept_bytes_ = 0;
  }
}

bool LiveLog::hand_over(Incident&& incident) {
  LoggedIncident logged;
  const auto first = incident.log.first_line, last = incident.log.last_line;
  std::uint64_t before = 0;  // of the first line that is kept
  for (const auto& kept : kept_) {
    if (kept.line < first || kept.line > last) {
      continue;
    }
    if (logged.records.empty()) {
      logged.first_sequence = kept.sequence;
      before = kept.line - 1;
    }
    logged.last_sequence = kept.sequence;
    logged.records += kept.text;
  }
  const auto shifted = [before](std::uint64_t line) { return line > before ? line - before : 1; };
  incident.log.first_line = shifted(first);
  incident.log.last_line = shifted(last);
  for (auto& line : incident.log.unrecognized) {
    line.line = shifted(line.line);
  }
  for (auto& line : incident.log.lines) {
    line.line = shifted(line.line);
  }
  if (logged.records.empty()) {  // larger than what is kept
    logged.first_sequence = logged.last_sequence = last_sequence_.value_or(0);
  }
  logged.incident = std::move(incident);
  logged.lost = std::exchange(lost_, 0);
  sink_(std::move(logged));
  return true;
}

}  // namespace forensics

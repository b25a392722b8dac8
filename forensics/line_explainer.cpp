#include "forensics/line_explainer.h"

#include <algorithm>

#include <fmt/format.h>

#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kLongestJoined = 4096;

template <typename... Kinds>
bool is_one_of(const OomLine& line) {
  return (std::holds_alternative<Kinds>(line) || ...);
}

// Lines that are understood without a report around them.
bool is_remark(const OomLine& line) {
  return is_one_of<lines::Reaped, lines::Boot, lines::Suppressed, lines::ManualOom>(line);
}

bool is_outcome(const OomLine& line) {
  return is_one_of<lines::Kill, lines::GroupKill, lines::AlreadyExiting, lines::NoKillable, lines::OomPanic,
                   lines::SharedMemory>(line);
}

// What any kernel message with a stack holds, too.
bool is_of_any_trace(const OomLine& line) {
  return is_one_of<lines::TraceStart, lines::Frame, lines::TraceDetail, lines::Hardware, lines::StatCounter>(line);
}

std::string time_of(const Record& record) {
  if (record.wall) {
    return to_text(*record.wall);
  }
  return record.monotonic_s ? fmt::format("[{:.6f}]", *record.monotonic_s) : "";
}

ExplainedLine make(ExplainedLine::Sort sort, std::string_view kind) {
  return {.sort = sort, .kind = kind, .carrier = {}, .time = {}};
}

}  // namespace

LineExplainer::LineExplainer(const std::optional<std::string>& carrier)
    : demux_(carrier), assembler_(0, [](Incident&&) { return true; }, warnings_) {}

ExplainedLine LineExplainer::explain(const Line& line) {
  std::optional<ExplainedLine> explained;
  demux_.feed(line.text);
  Record record;
  while (demux_.next(record)) {
    auto one = explain(record, line);
    if (!explained || one.sort < explained->sort) {
      explained = std::move(one);
    }
  }
  warnings_.clear();
  if (!explained) {
    const bool part = !demux_.is_between_records() || demux_.line_carrier().has_value();
    explained = part ? make(ExplainedLine::Sort::continuation, "part of a record")
                     : make(ExplainedLine::Sort::other, "not of a report");
  }
  explained->carrier = demux_.line_carrier().value_or("");
  return *std::move(explained);
}

// Rows that only their open table gives a meaning.
std::optional<std::string_view> LineExplainer::row_kind(std::string_view message) const {
  if (table_ == Table::slab && lines::parse_slab_row(message)) {
    return "slab row";
  }
  if (table_ == Table::allocations && lines::parse_allocation_row(message)) {
    return "allocation row";
  }
  return std::nullopt;
}

// Whether the line before, with this one behind it, is one line.
bool LineExplainer::joins(const Record& record, std::string_view message, const Line& line) {
  const bool follows = record.bare && last_number_ + 1 == line.number;
  const bool rest = message.starts_with(',') || message.starts_with("(null)");
  if (last_text_.empty() || (!follows && !rest)) {
    return false;
  }
  for (const std::string_view between : {"", " "}) {
    auto whole = fmt::format("{}{}{}", last_text_, between, message);
    const auto what = parse_oom_line(whole);
    if (what && !std::holds_alternative<lines::StatCounter>(*what)) {
      last_text_ = std::move(whole);
      return true;
    }
  }
  return false;
}

bool LineExplainer::is_of_report(const OomLine& what) const {
  if (is_remark(what)) {
    return true;
  }
  const bool open = !assembler_.is_idle() && !(outcome_ && is_of_any_trace(what));
  return open && (!std::holds_alternative<lines::StatCounter>(what) || table_ == Table::stats);
}

ExplainedLine LineExplainer::explain(const Record& record, const Line& line) {
  assembler_.add(record, line.number, line.text.size(), line.ended);
  auto explained = make(ExplainedLine::Sort::other, "not of a report");
  if (lines::parse_userspace(record.tag, record.message) ||
      (record.kernel && lines::parse_userspace_of_kernel(record.message))) {
    explained = make(ExplainedLine::Sort::of_report, "kill from user space");
  } else if (record.kernel) {
    explained = classify(record, record.message, line);
  }
  explained.time = time_of(record);
  return explained;
}

ExplainedLine LineExplainer::classify(const Record& record, std::string_view message, const Line& line) {
  const auto text = record.bare ? trim_left(message) : message;
  const auto what = parse_oom_line(text);
  const bool vague = !what || std::holds_alternative<lines::StatCounter>(*what);
  if (vague && message.find('\n') != std::string_view::npos) {
    return classify_each(record, message, line);
  }
  if (trim(message).empty()) {
    return make(ExplainedLine::Sort::other, "not of a report");
  }
  auto explained = make(ExplainedLine::Sort::other, "not of a report");
  if (const auto row = row_kind(message)) {
    explained = make(ExplainedLine::Sort::of_report, *row);
  } else if (what && is_of_report(*what)) {
    explained = make(ExplainedLine::Sort::of_report, name_of(*what));
    remember(*what);
  } else if (vague && joins(record, message, line)) {
    last_number_ = line.number;
    return make(ExplainedLine::Sort::continuation, "continuation");
  } else if (vague && !assembler_.is_idle() && !outcome_) {
    explained = make(ExplainedLine::Sort::unrecognized, "unrecognized inside a report");
  }
  last_text_ = what && is_remark(*what) ? std::string_view{} : text.substr(0, kLongestJoined);
  last_number_ = line.number;
  return explained;
}

// A record of several lines is what the first of them is that says something.
ExplainedLine LineExplainer::classify_each(const Record& record, std::string_view message, const Line& line) {
  auto explained = make(ExplainedLine::Sort::other, "not of a report");
  while (!message.empty()) {
    const auto end = std::min(message.find('\n'), message.size());
    auto one = classify(record, message.substr(0, end), line);
    if (one.sort < explained.sort) {
      explained = std::move(one);
    }
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return explained;
}

void LineExplainer::remember(const OomLine& what) {
  table_ = is_one_of<lines::StatsHeader, lines::StatCounter>(what) ? Table::stats
           : std::holds_alternative<lines::SlabStart>(what)        ? Table::slab
           : std::holds_alternative<lines::AllocationsStart>(what) ? Table::allocations
                                                                   : Table::none;
  outcome_ = is_outcome(what) || (outcome_ && is_remark(what));
}

}  // namespace forensics

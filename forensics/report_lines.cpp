// The lines of a report that its findings can be shown by.
#include <algorithm>

#include "forensics/report.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kMostLines = 300, kMostSlabRows = 60, kLargestRows = 5, kLongestLine = 1000;
constexpr std::uint64_t kNoticeableCache = std::uint64_t{1} << 20;

// Frames are in the document as a list, rows are chosen when the victims are known, and a counter of 0 shows nothing.
bool is_worth_keeping(const OomLine& line) {
  if (const auto* counter = std::get_if<lines::StatCounter>(&line)) {
    return counter->value > 0;
  }
  return !std::holds_alternative<lines::Frame>(line) && !std::holds_alternative<lines::TraceStart>(line) &&
         !std::holds_alternative<lines::TraceDetail>(line) && !std::holds_alternative<lines::TaskTitle>(line) &&
         !std::holds_alternative<lines::TaskHeader>(line) && !std::holds_alternative<lines::TaskRow>(line) &&
         !std::holds_alternative<lines::Hardware>(line) && !std::holds_alternative<lines::MemInfoDetail>(line);
}

LogLine log_line(std::string_view text, std::uint64_t number) {
  return {.line = number, .text = std::string(trim_right(text).substr(0, kLongestLine))};
}

std::uint64_t held(const Task& task) {
  return task.rss_bytes.value_or(0) + task.swap_bytes.value_or(0);
}

}  // namespace

void Report::keep(const OomLine& line, std::string_view text, std::uint64_t number) {
  if (std::holds_alternative<lines::TaskRow>(line)) {
    parts_.row_lines.resize(parts_.rows.size(), number);
  } else if (is_worth_keeping(line) && parts_.kept.size() < kMostLines) {
    parts_.kept.emplace_back(section_of(line), log_line(text, number));
  }
}

void Report::keep_slab_row(const SlabCache& cache, std::string_view text, std::uint64_t number) {
  if (cache.total_bytes >= kNoticeableCache && parts_.slab_rows_kept < kMostSlabRows) {
    ++parts_.slab_rows_kept;
    parts_.kept.emplace_back(ReportParts::Section::memory_info, log_line(text, number));
  }
}

// The victims' rows and those of the largest tasks.
void keep_task_rows(ReportParts& parts) {
  const auto& incident = parts.incident;
  if (parts.row_lines.size() != parts.rows.size() || incident.tasks.size() != parts.rows.size()) {
    return;  // rows that were no rows: which line is whose is not certain
  }
  std::vector<std::size_t> order(incident.tasks.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  const auto top = order.begin() + static_cast<std::ptrdiff_t>(std::min(order.size(), kLargestRows));
  std::ranges::partial_sort(order, top, [&](std::size_t a, std::size_t b) {
    return std::pair(held(incident.tasks[b]), a) < std::pair(held(incident.tasks[a]), b);
  });
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto& task = incident.tasks[order[i]];
    const bool victim = std::ranges::any_of(
        incident.victims, [&](const Victim& killed) { return killed.pid == task.pid || killed.pid == task.tgid; });
    if (i < kLargestRows || victim) {
      parts.kept.emplace_back(ReportParts::Section::tasks, log_line(parts.rows[order[i]], parts.row_lines[order[i]]));
    }
  }
}

void finish_kept_lines(ReportParts& parts) {
  keep_task_rows(parts);
  auto& lines = parts.incident.log.lines;
  for (auto& [section, line] : parts.kept) {
    if (!parts.doubtful.test(static_cast<std::size_t>(section))) {
      lines.push_back(std::move(line));
    }
  }
  std::ranges::stable_sort(lines, {}, &LogLine::line);
}

}  // namespace forensics

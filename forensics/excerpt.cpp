#include "forensics/excerpt.h"

#include <algorithm>
#include <string>

#include "forensics/badness.h"

namespace forensics {
namespace {

constexpr std::size_t kMostOfAKind = 80;
constexpr std::size_t kMostRows = 60;
constexpr std::size_t kLargestRows = 40;  // of a table with more rows than that
constexpr std::size_t kMostLines = 600;
constexpr std::size_t kLongest = 2000;  // bytes of a line

// "memcg usage" is memcg_usage in the document.
LogLine make_line(std::string_view kind, std::string_view text, std::uint64_t number) {
  LogLine line{.line = number, .kind = std::string(kind), .text = std::string(text.substr(0, kLongest))};
  std::ranges::replace(line.kind, ' ', '_');
  return line;
}

// The victims' rows and those of the largest tasks; all of a short table.
std::vector<std::size_t> rows_that_matter(std::size_t rows, const std::vector<std::size_t>& row_of_task,
                                          const Incident& incident) {
  std::vector<std::size_t> chosen;
  if (rows <= kMostRows) {
    for (std::size_t i = 0; i < rows; ++i) {
      chosen.push_back(i);
    }
    return chosen;
  }
  std::vector<std::pair<std::uint64_t, std::size_t>> tasks;  // what each holds, and its row
  tasks.reserve(row_of_task.size());
  for (std::size_t i = 0; i < row_of_task.size(); ++i) {
    tasks.emplace_back(incident.tasks[i].rss_bytes.value_or(0) + incident.tasks[i].swap_bytes.value_or(0),
                       row_of_task[i]);
  }
  const auto largest = tasks.begin() + static_cast<std::ptrdiff_t>(std::min(kLargestRows, tasks.size()));
  std::ranges::nth_element(tasks, largest, [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  for (auto task = tasks.begin(); task != largest; ++task) {
    chosen.push_back(task->second);
  }
  for (const auto& victim : incident.victims) {
    const auto* row = chosen.size() < kMostRows ? find_task(incident, victim.pid) : nullptr;
    if (row != nullptr) {
      chosen.push_back(row_of_task[static_cast<std::size_t>(row - incident.tasks.data())]);
    }
  }
  std::ranges::sort(chosen);
  const auto repeated = std::ranges::unique(chosen);
  chosen.erase(repeated.begin(), repeated.end());
  return chosen;
}

}  // namespace

void Excerpt::add(std::string_view kind, std::string_view text, std::uint64_t number) {
  auto count = std::ranges::find(counts_, kind, &std::pair<std::string_view, std::size_t>::first);
  if (count == counts_.end()) {
    count = counts_.insert(count, {kind, 0});
  }
  last_kept_ = count->second < kMostOfAKind && lines_.size() < kMostLines;
  if (last_kept_) {
    ++count->second;
    lines_.push_back(make_line(kind, text, number));
  } else {
    ++left_out_;
  }
}

void Excerpt::complete(std::string_view text) {
  if (last_kept_) {
    lines_.back().text = text.substr(0, kLongest);
  }
}

void Excerpt::finish(const std::vector<lines::KeptTaskRow>& table, const std::vector<std::size_t>& row_of_task,
                     Incident& incident) {
  const auto rows = std::min(table.size(), row_numbers_.size());
  const auto chosen = rows_that_matter(rows, row_of_task, incident);
  const auto lines = static_cast<std::ptrdiff_t>(lines_.size());
  lines_.reserve(lines_.size() + chosen.size());
  for (const auto row : chosen) {
    lines_.push_back(make_line("task row", table[row].text, row_numbers_[row]));
  }
  const auto end_of_lines = lines_.begin() + lines;
  if (!std::ranges::is_sorted(lines_.begin(), end_of_lines, {}, &LogLine::line)) {
    std::ranges::stable_sort(lines_.begin(), end_of_lines, {}, &LogLine::line);
  }
  std::ranges::inplace_merge(lines_, end_of_lines, {}, &LogLine::line);
  incident.log.lines = std::move(lines_);
  incident.log.lines_left_out = left_out_ + row_numbers_.size() - chosen.size();
}

void add_line(LogSpan& log, std::string_view kind, std::string_view text, std::uint64_t number) {
  if (log.lines.size() < kMostLines) {
    log.lines.push_back(make_line(kind, text, number));
  } else {
    ++log.lines_left_out;
  }
}

}  // namespace forensics

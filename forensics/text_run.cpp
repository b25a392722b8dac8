#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/run_words.h"
#include "forensics/text_incident.h"
#include "forensics/timeline.h"

namespace forensics {
namespace {

using base::human_duration;
using base::human_size;

void write_timeline(Page& page, const Run& run) {
  const auto points = std::ranges::count_if(run.timeline, [](const auto& sample) { return sample.memory.has_value(); });
  if (points < 2) {
    return;
  }
  // The top of the chart is the limit, or the highest value where there is none.
  const auto cells = std::min<std::size_t>(page.width() - 14, 60);
  auto slices = memory_slices(run.timeline, cells);
  double highest = 0;
  for (const auto& value : slices) {
    highest = std::max(highest, value.value_or(0));
  }
  const double top = run.limits.memory_max_bytes ? static_cast<double>(*run.limits.memory_max_bytes) : highest;
  for (auto& value : slices) {
    if (value) {
      *value /= std::max(top, 1.0);
    }
  }
  const auto start = std::chrono::duration<double>(run.timeline.front().t).count();
  const auto end = std::chrono::duration<double>(run.timeline.back().t).count();
  const std::string blanks(12, ' ');
  page.line(page.paint(Tone::dim, pad("  memory", 12)) + page.paint(Tone::accent, sparkline(slices)));
  const auto axis_end = human_duration(end);
  page.line(blanks + page.paint(Tone::dim, pad(start > 0 ? human_duration(start) : "0 s",
                                               cells - std::min(cells, display_width(axis_end))) +
                                               axis_end));
  page.fact("", fmt::format("full height = {}, {}", human_size(static_cast<std::uint64_t>(top)),
                            run.limits.memory_max_bytes ? "the limit" : "the highest value"));
}

void write_memory(Page& page, const Run& run) {
  const auto& memory = run.memory;
  if (memory.peak_bytes && run.limits.memory_max_bytes.value_or(0) > 0) {
    const auto share = static_cast<double>(*memory.peak_bytes) / static_cast<double>(*run.limits.memory_max_bytes);
    page.gauge("peak", share,
               fmt::format("{} of {}", human_size(*memory.peak_bytes), human_size(*run.limits.memory_max_bytes)),
               share > 0.95 ? Tone::bad : Tone::good);
  } else if (memory.peak_bytes) {
    page.fact("peak", human_size(*memory.peak_bytes));
  }
  if (memory.swap_peak_bytes.value_or(0) > 0) {
    page.fact("swap peak", human_size(*memory.swap_peak_bytes));
  }
  if (memory.events) {
    page.fact("events", events_words(*memory.events));
  }
  if (memory.pressure_some_total_s) {
    page.fact("stalled",
              fmt::format("{} some, {} full (PSI)", human_duration(*memory.pressure_some_total_s),
                          memory.pressure_full_total_s ? human_duration(*memory.pressure_full_total_s) : "?"));
  }
}

// "12,410,880": people compare these digit by digit.
std::string exact_number(double value) {
  if (value != std::floor(value) || std::abs(value) >= 1e15) {
    return fmt::format("{:.1f}", value);
  }
  auto digits = fmt::format("{:.0f}", value);
  const std::ptrdiff_t sign = digits.starts_with('-') ? 1 : 0;
  for (auto at = std::ssize(digits) - 3; at > sign; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string observed_value(const std::vector<Observation>& observations, const std::string& step,
                           const std::string& name) {
  const auto found = std::ranges::find_if(
      observations, [&](const auto& observation) { return observation.step == step && observation.name == name; });
  return found == observations.end() ? "" : exact_number(found->value);
}

template <typename Member>
std::vector<std::string> distinct(const std::vector<Observation>& observations, Member member) {
  std::vector<std::string> words;
  for (const auto& observation : observations) {
    if (std::ranges::find(words, observation.*member) == words.end()) {
      words.push_back(observation.*member);
    }
  }
  return words;
}

// A row for each step, a column for each name; several tables where there are many names.
void write_observations(Page& page, const std::vector<Observation>& observations) {
  constexpr std::size_t kColumns = 4;
  const auto steps = distinct(observations, &Observation::step);
  const auto names = distinct(observations, &Observation::name);
  for (std::size_t first = 0; first < names.size(); first += kColumns) {
    std::vector<Page::Column> columns{{.title = first == 0 ? "observed" : "", .flexible = true}};
    const auto last = std::min(names.size(), first + kColumns);
    for (std::size_t i = first; i < last; ++i) {
      const auto& unit = std::ranges::find(observations, names[i], &Observation::name)->unit;
      columns.push_back({.title = shown(names[i]) + (unit.empty() ? "" : ", " + shown(unit)),
                         .align = Align::right,
                         .droppable = static_cast<unsigned>(last - i)});
    }
    std::vector<Page::Row> rows;
    for (const auto& step : steps) {
      Page::Row row{.cells = {shown(step)}};
      for (std::size_t i = first; i < last; ++i) {
        row.cells.push_back(observed_value(observations, step, names[i]));
      }
      if (std::ranges::any_of(row.cells.begin() + 1, row.cells.end(), [](const auto& cell) { return !cell.empty(); })) {
        rows.push_back(std::move(row));
      }
    }
    page.table(columns, rows);
  }
}

void write_console_tail(Page& page, const Run& run) {
  if (run.vm && !run.vm->console_tail.empty() &&
      (run.outcome.verdict == "not_started" || run.outcome.verdict == "timed_out")) {
    page.heading("The guest's console at the end");
    for (const auto& console_line : run.vm->console_tail) {
      page.line("  " + fit(shown(console_line), page.width() - 2));
    }
  }
}

}  // namespace

std::string observations_text(const Run& run, const RenderOptions& options) {
  Page page(options);
  if (run.workload && !run.workload->observations.empty()) {
    write_observations(page, run.workload->observations);
  }
  return std::move(page).finish();
}

void write_run(Page& page, const Run& run) {
  if (const auto command = command_words(run); !command.empty()) {
    page.fact("command", command);
  }
  if (run.faults) {
    page.fact("faults", shown(*run.faults));
  }
  page.fact("backend", backend_words(run));
  page.fact("limits", limits_words(run.limits));
  page.fact("outcome", outcome_words(run));
  if (run.expectation) {
    page.fact("expected", expectation_words(*run.expectation));
  }
  write_memory(page, run);
  write_timeline(page, run);
  if (run.workload && !run.workload->observations.empty()) {
    page.line();
    write_observations(page, run.workload->observations);
  }
  write_console_tail(page, run);
}

}  // namespace forensics

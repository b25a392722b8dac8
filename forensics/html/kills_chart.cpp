#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include <fmt/format.h>

#include "forensics/html/charts.h"
#include "forensics/selection.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

constexpr std::size_t kRows = 12;
constexpr double kLeft = 1.5, kSpan = 97;  // per cent of the width

// Where each incident lies on the axis, 0 to 1, and what the axis is.
struct Places {
  std::vector<double> at;
  std::string axis, from, to;
};

// A time without a year is of the latest one before this; only differences count.
constexpr Moment kLate{.clock_s = 4'102'444'800, .ahead_s = {}};

std::optional<std::vector<double>> by_clock(const std::vector<Incident>& incidents) {
  constexpr double kHalfYear = 183.0 * 86400;
  std::vector<double> times;
  double year = 0;
  for (const auto& incident : incidents) {
    const auto read = incident.time.realtime ? read_realtime(*incident.time.realtime, kLate) : std::nullopt;
    if (!read) {
      return std::nullopt;
    }
    auto time = static_cast<double>(read->moment.clock_s - read->moment.ahead_s.value_or(0));
    if (read->year_assumed && !times.empty() && time + year < times.back() - kHalfYear) {
      year += 365.25 * 86400;  // the log passed a new year
    }
    times.push_back(time + (read->year_assumed ? year : 0));
  }
  return times;
}

std::optional<std::vector<double>> by_uptime(const std::vector<Incident>& incidents) {
  std::vector<double> times;
  for (const auto& incident : incidents) {
    if (!incident.time.monotonic_s || (!times.empty() && *incident.time.monotonic_s < times.back())) {
      return std::nullopt;  // another boot, or another host
    }
    times.push_back(*incident.time.monotonic_s);
  }
  return times;
}

Places places_of(const std::vector<Incident>& incidents) {
  Places places;
  auto times = by_clock(incidents);
  places.axis = "by the time of day";
  if (!times) {
    times = by_uptime(incidents);
    places.axis = "by the seconds since boot";
  }
  if (!times) {
    times.emplace(incidents.size());
    std::iota(times->begin(), times->end(), 0.0);
    places.axis = "in the order of the log";
  }
  const auto [first, last] = std::ranges::minmax_element(*times);
  const auto length = std::max(*last - *first, 1e-9);
  const auto name = [&](auto found) {
    const auto& time = incidents[static_cast<std::size_t>(found - times->begin())].time;
    return time.realtime ? *time.realtime : time.monotonic_s ? fmt::format("{:.2f} s", *time.monotonic_s) : "";
  };
  places.from = name(first);
  places.to = name(last);
  for (const auto time : *times) {
    places.at.push_back((time - *first) / length);
  }
  return places;
}

std::string row_name(const Incident& incident) {
  return incident.victims.empty() ? "(nobody)" : incident.victims.front().comm.value_or("?");
}

struct Row {
  std::string name;
  std::vector<std::size_t> incidents;
};

// The names with most incidents, the others as one row.
std::vector<Row> rows_of(const std::vector<Incident>& incidents) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    by_name[row_name(incidents[i])].push_back(i);
  }
  std::vector<Row> rows;
  rows.reserve(by_name.size());
  for (auto& [name, found] : by_name) {
    rows.push_back({.name = name, .incidents = std::move(found)});
  }
  std::ranges::stable_sort(rows, std::greater{}, [](const Row& row) { return row.incidents.size(); });
  if (rows.size() > kRows) {
    Row others{.name = fmt::format("{} other names", rows.size() - kRows + 1), .incidents = {}};
    for (std::size_t i = kRows - 1; i < rows.size(); ++i) {
      others.incidents.insert(others.incidents.end(), rows[i].incidents.begin(), rows[i].incidents.end());
    }
    rows.resize(kRows - 1);
    rows.push_back(std::move(others));
  }
  return rows;
}

// Each kind has a shape of its own.
void write_mark(Page& page, const Incident& incident, double x) {
  const auto label = fmt::format("{}: {}", kind_words(incident), incident.verdict);
  if (incident.kind == "oom_kill") {
    page.put(R"(<circle class="kill-mark" cx="{}%" cy="12" r="5"><title>{}</title></circle>)", x, label);
  } else if (incident.kind == "panic") {
    page.put(
        R"(<svg x="{}%" y="0" overflow="visible"><rect class="kill-mark" x="-6" y="6" width="12" height="12"><title>{}</title></rect></svg>)",
        x, label);
  } else if (incident.kind == "userspace_kill") {
    page.put(
        R"(<svg x="{}%" y="0" overflow="visible"><path class="kill-mark" d="M0 5 7 12 0 19-7 12Z"><title>{}</title></path></svg>)",
        x, label);
  } else {
    page.put(R"(<circle class="kill-mark hollow" cx="{}%" cy="12" r="5"><title>{}</title></circle>)", x, label);
  }
}

void write_row(Page& page, const Postmortem& document, const Row& row, const Places& places) {
  page.put(
      R"(<tr><th scope="row">{}</th><td class="wide"><svg width="100%" height="24" aria-hidden="true"><line class="rail" x1="0" x2="100%" y1="12" y2="12"/>)",
      row.name);
  for (const auto index : row.incidents) {
    write_mark(page, document.incidents[index], kLeft + places.at[index] * kSpan);
  }
  page.put("</svg></td><td class=\"n\">{}</td></tr>\n", row.incidents.size());
}

}  // namespace

void write_kills(Page& page, const Postmortem& document) {
  const auto& incidents = document.incidents;
  const auto places = places_of(incidents);
  page.put(
      "<figure>\n<table class=\"kills\"><caption>Incidents over time, {}</caption>\n<thead><tr><th "
      "scope=\"col\">killed</th><td "
      "class=\"wide\"><div class=\"axis\"><span>{}</span><span>{}</span></div></td><th scope=\"col\" "
      "class=\"n\">times</th></tr></thead><tbody>\n",
      places.axis, places.from, places.to);
  for (const auto& row : rows_of(incidents)) {
    write_row(page, document, row, places);
  }
  page.put(
      "</tbody></table>\n<figcaption>● killed by the kernel &nbsp; ◆ killed from user space &nbsp; ■ panic &nbsp; ○ "
      "nobody "
      "killed</figcaption>\n</figure>\n");
}

}  // namespace forensics::html

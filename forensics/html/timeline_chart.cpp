#include <algorithm>
#include <array>
#include <iterator>
#include <span>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/html/charts.h"
#include "forensics/html/ink.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

using base::human_duration;
using base::human_size;
using cgroup::Sample;

constexpr std::size_t kPoints = 240;    // of a curve
constexpr std::size_t kTableRows = 24;  // of the same as text
constexpr double kWidth = 1000, kHeight = 200, kPressureHeight = 60;

double seconds(std::chrono::nanoseconds t) {
  return std::chrono::duration<double>(t).count();
}

// The samples, of each of at most so many equal slices of time the one with most memory.
std::vector<Sample> thinned(const std::vector<Sample>& timeline, std::size_t most) {
  std::vector<Sample> kept;
  const double start = seconds(timeline.front().t);
  const double length = std::max(seconds(timeline.back().t) - start, 1e-9);
  std::size_t slice = SIZE_MAX;
  for (const auto& sample : timeline) {
    if (!sample.memory) {
      continue;
    }
    const auto position = (seconds(sample.t) - start) / length * static_cast<double>(most);
    const auto in = std::min(static_cast<std::size_t>(std::max(position, 0.0)), most - 1);
    if (in != slice) {
      kept.push_back(sample);
      slice = in;
    } else if (*sample.memory > *kept.back().memory) {
      kept.back() = sample;
    }
  }
  return kept;
}

struct Frame {
  double start, length, top;  // seconds, seconds, bytes

  [[nodiscard]] double x(const Sample& sample) const { return (seconds(sample.t) - start) / length * kWidth; }
  [[nodiscard]] double y(double bytes) const { return kHeight - std::min(bytes / top, 1.0) * kHeight; }
};

// Parts of the memory that the recorder knows; page cache without shmem.
struct Layer {
  std::string_view part;
  double (*bytes)(const Sample& sample);
};

double value(Count count) {
  return static_cast<double>(count.value_or(0));
}

constexpr auto kLayers = std::to_array<Layer>({
    {"anon", [](const Sample& sample) { return value(sample.anon); }},
    {"shmem", [](const Sample& sample) { return value(sample.shmem); }},
    {"file", [](const Sample& sample) { return std::max(value(sample.file) - value(sample.shmem), 0.0); }},
    {"kernel_other", [](const Sample& sample) { return value(sample.kernel); }},
});

// A layer at each sample: from the sum of those below it up to the sum with it, in bytes.
struct Area {
  std::span<const double> below, above;
  std::string_view ink;
};

void write_area(Page& page, const std::vector<Sample>& samples, const Frame& frame, const Area& area) {
  page.put(R"html(<path class="area" fill="url(#{})" d = "M)html", area.ink);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    page.put("{} {} ", frame.x(samples[i]), frame.y(area.above[i]));
  }
  for (std::size_t i = samples.size(); i > 0; --i) {
    page.put("{} {} ", frame.x(samples[i - 1]), frame.y(area.below[i - 1]));
  }
  page.put("Z\"/>");
}

void write_curve(Page& page, const std::vector<Sample>& samples, const Frame& frame) {
  page.put(R"(<polyline class="curve" points=")");
  for (const auto& sample : samples) {
    page.put("{},{} ", frame.x(sample), frame.y(value(sample.memory)));
  }
  page.put("\"/>");
}

// The recorder reads the counters less often than the usage: areas go from one such reading to the next.
std::vector<Sample> readings_of_parts(const std::vector<Sample>& timeline) {
  std::vector<Sample> found;
  std::ranges::copy_if(timeline, std::back_inserter(found),
                       [](const Sample& sample) { return sample.memory && sample.anon; });
  return found.empty() ? found : thinned(found, kPoints);
}

// The parts that were ever there.
std::vector<Layer> layers_of(const std::vector<Sample>& samples) {
  std::vector<Layer> found;
  for (const auto& layer : kLayers) {
    if (std::ranges::any_of(samples, [&](const Sample& sample) { return layer.bytes(sample) > 0; })) {
      found.push_back(layer);
    }
  }
  return found;
}

// The moment of an incident: its own reading is a row of the timeline (cli/kernel_reading.h) that has no pressure.
std::optional<double> moment_of(const std::vector<Sample>& timeline, const Incident& incident) {
  if (!incident.cgroup || !incident.cgroup->memory) {
    return std::nullopt;
  }
  for (const auto& sample : timeline) {
    if (sample.memory && sample.memory == incident.cgroup->memory->usage_bytes && !sample.psi_some &&
        sample.anon == cgroup::find(incident.cgroup->stat, "anon")) {
      return seconds(sample.t);
    }
  }
  return std::nullopt;
}

std::vector<double> kill_times(const Postmortem& document) {
  std::vector<double> times;
  for (const auto& incident : document.incidents) {
    if (const auto time = moment_of(document.run->timeline, incident)) {
      times.push_back(*time);
    }
  }
  if (times.empty() && document.run->outcome.verdict == "oom_killed") {
    times.push_back(seconds(document.run->timeline.back().t));
  }
  return times;
}

void write_memory(Page& page, const std::vector<Sample>& samples, const Frame& frame, const Run& run,
                  const std::vector<double>& kills) {
  page.put(
      R"(<svg class="timeline" width="100%" height="{}" role="img" aria-label="{}">)", kHeight,
      fmt::format(
          "memory over {}, at most {}", human_duration(frame.length),
          human_size(static_cast<std::uint64_t>(std::ranges::max(samples, {}, &Sample::memory).memory.value_or(0)))));
  page.put(R"(<svg width="100%" height="100%" viewBox="0 0 {} {}" preserveAspectRatio="none">)", kWidth, kHeight);
  const auto readings = readings_of_parts(run.timeline);
  std::vector<double> below(readings.size(), 0);
  for (const auto& layer : layers_of(readings)) {
    auto above = below;
    for (std::size_t i = 0; i < readings.size(); ++i) {
      above[i] += layer.bytes(readings[i]);
    }
    write_area(page, readings, frame, {.below = below, .above = above, .ink = ink_of(layer.part)});
    below = std::move(above);
  }
  write_curve(page, samples, frame);
  for (const auto kill : kills) {
    const auto x = (kill - frame.start) / frame.length * kWidth;
    page.put(R"(<line class="kill" x1="{}" x2="{}" y1="0" y2="{}"/>)", x, x, kHeight);
  }
  page.put("</svg>");
  if (run.limits.memory_max_bytes) {
    const auto y = frame.y(value(run.limits.memory_max_bytes));
    page.put(
        R"(<line class="limit" x1="0" x2="100%" y1="{}" y2="{}"/><text class="limit-label" x="6" y="{}">{}</text>)", y,
        y, y + 15, fmt::format("memory.max {}", human_size(*run.limits.memory_max_bytes)));
  }
  page.put("</svg>\n");
}

// The share of the time between two samples in which somebody waited for memory.
double stalled(std::optional<std::chrono::microseconds> before, std::optional<std::chrono::microseconds> after,
               double passed) {
  if (!before || !after || passed <= 0) {
    return 0;
  }
  return std::clamp(std::chrono::duration<double>(*after - *before).count() / passed, 0.0, 1.0);
}

// Each reading with the one before it; the kernel's own readings have no pressure.
template <typename Use>
void for_each_interval(const std::vector<Sample>& samples, Use use) {
  const Sample* before = nullptr;
  for (const auto& sample : samples) {
    if (!sample.psi_some) {
      continue;
    }
    if (before != nullptr) {
      const auto passed = seconds(sample.t) - seconds(before->t);
      use(*before, sample, stalled(before->psi_some, sample.psi_some, passed),
          stalled(before->psi_full, sample.psi_full, passed));
    }
    before = &sample;
  }
}

double highest_pressure(const std::vector<Sample>& samples) {
  double most = 0;
  for_each_interval(samples, [&](const auto&, const auto&, double some, double) { most = std::max(most, some); });
  return most;
}

// Full height is the highest value, which the caption says.
void write_pressure(Page& page, const std::vector<Sample>& samples, const Frame& frame) {
  const auto most = highest_pressure(samples);
  if (most <= 0) {
    return;
  }
  page.put(
      R"(<svg class="timeline pressure" width="100%" height="{}" viewBox="0 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">)",
      kPressureHeight, kWidth, kPressureHeight,
      fmt::format("pressure stall information, at most {:.1f} % of the time", most * 100));
  const auto column = [&](std::string_view kind, double x, double width, double share) {
    const auto height = kPressureHeight * share / most;
    page.put(R"(<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>)", kind, x, kPressureHeight - height, width,
             height);
  };
  for_each_interval(samples, [&](const Sample& before, const Sample& after, double some, double full) {
    const auto x = frame.x(before), width = frame.x(after) - frame.x(before);
    column("some", x, width, some);
    column("full", x, width, full);
  });
  page.put("</svg>\n");
}

void write_axis(Page& page, const Frame& frame) {
  page.put("<div class=\"axis\" aria-hidden=\"true\"><span>{}</span><span>{}</span></div>\n",
           frame.start > 0 ? human_duration(frame.start) : "0 s", human_duration(frame.start + frame.length));
}

void write_key(Page& page, const Run& run, const std::vector<Sample>& samples, bool kills) {
  page.put("<figcaption>");
  for (const auto& layer : layers_of(readings_of_parts(run.timeline))) {
    write_swatch(page, layer.part);
    page.put(" {} ", layer.part == "anon"    ? "anonymous"
                     : layer.part == "shmem" ? "shared"
                     : layer.part == "file"  ? "page cache"
                                             : "kernel");
  }
  page.put(R"(<span class="dash" aria-hidden="true">—</span> all of it)");
  if (kills) {
    page.put(R"( <span class="kill-key" aria-hidden="true">┃</span> the kill)");
  }
  if (const auto most = highest_pressure(samples); most > 0) {
    page.put(
        ". Below: share of the time in which <span class=\"some-key\" aria-hidden=\"true\">▒</span> some, <span "
        "class=\"full-key\" aria-hidden=\"true\">█</span> all of its processes waited for memory (PSI), at most {} %",
        most * 100);
  }
  page.put(".</figcaption>\n");
}

void write_table(Page& page, const std::vector<Sample>& samples) {
  const auto cell = [](Count bytes) { return bytes ? human_size(*bytes) : "–"; };
  page.put(
      "<details><summary>The same as a table</summary><div class=\"scroll\" role=\"region\" aria-label=\"Timeline\" "
      "tabindex=\"0\"><table><caption class=\"unseen\">Memory of the run over time</caption><thead><tr><th "
      "scope=\"col\" "
      "class=\"n\">time</th><th scope=\"col\" class=\"n\">memory</th><th scope=\"col\" class=\"n\">swap</th><th "
      "scope=\"col\" "
      "class=\"n\">anonymous</th><th scope=\"col\" class=\"n\">file</th><th scope=\"col\" class=\"n\">shared</th><th "
      "scope=\"col\" class=\"n\">kernel</th></tr></thead><tbody>\n");
  for (const auto& sample : samples) {
    page.put(
        R"(<tr><th scope="row" class="n">{}</th><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td></tr>)",
        human_duration(seconds(sample.t)), cell(sample.memory), cell(sample.swap), cell(sample.anon), cell(sample.file),
        cell(sample.shmem), cell(sample.kernel));
    page.put("\n");
  }
  page.put("</tbody></table></div></details>\n");
}

}  // namespace

void write_timeline(Page& page, const Postmortem& document) {
  const auto& run = *document.run;
  if (run.timeline.empty()) {
    return;
  }
  const auto samples = thinned(run.timeline, kPoints);
  if (samples.size() < 2) {
    return;
  }
  const auto highest = value(std::ranges::max(samples, {}, &Sample::memory).memory);
  const auto start = seconds(samples.front().t);
  const Frame frame{.start = start,
                    .length = std::max(seconds(samples.back().t) - start, 1e-9),
                    .top = std::max({highest, value(run.limits.memory_max_bytes), 1.0}) * 1.04};
  const auto kills = kill_times(document);
  page.put("<figure>\n");
  write_memory(page, samples, frame, run, kills);
  write_pressure(page, samples, frame);
  write_axis(page, frame);
  write_key(page, run, samples, !kills.empty());
  write_table(page, thinned(run.timeline, kTableRows));
  page.put("</figure>\n");
}

}  // namespace forensics::html

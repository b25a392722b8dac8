// The lines of the log that findings are shown by.
#include <algorithm>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kMostKills = 3, kMostZones = 6, kMostLines = 12;

void add(Diagnosis& found, const LogLine& line) {
  const bool there = std::ranges::any_of(
      found.lines, [&](const QuotedLine& other) { return other.line == line.line && other.text == line.text; });
  if (!there && found.lines.size() < kMostLines) {
    found.lines.push_back({.line = line.line, .text = line.text});
  }
}

std::string_view trimmed(const LogLine& line) {
  return trim_left(line.text);
}

template <typename Matches>
bool add_first(Diagnosis& found, const Incident& incident, Matches matches) {
  const auto line = std::ranges::find_if(incident.log.lines, matches);
  if (line == incident.log.lines.end()) {
    return false;
  }
  add(found, *line);
  return true;
}

// "slab_unreclaimable 57671680" of memory.stat; "cache:0KB rss:1KB" of cgroup v1; " slab_unreclaimable:14080" of
// Mem-Info.
bool is_counter(const LogLine& line, std::string_view name) {
  const auto text = trimmed(line);
  const auto followed_by = [&](std::size_t at, char mark) {
    return at + name.size() < text.size() && text[at + name.size()] == mark;
  };
  if (text.starts_with(name) && text.size() > name.size()) {
    return followed_by(0, ' ') || followed_by(0, ':');
  }
  for (auto at = text.find(name, 1); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if (text[at - 1] == ' ' && followed_by(at, ':')) {
      return !text.starts_with("Node ") && !text.contains("total-vm:");
    }
  }
  return false;
}

}  // namespace

void quote_start(Diagnosis& found, const Incident& incident, std::string_view start) {
  (void)add_first(found, incident, [&](const LogLine& line) { return trimmed(line).starts_with(start); });
}

void quote_text(Diagnosis& found, const Incident& incident, std::string_view text) {
  (void)add_first(found, incident, [&](const LogLine& line) { return line.text.contains(text); });
}

void quote_counters(Diagnosis& found, const Incident& incident, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    (void)add_first(found, incident, [&](const LogLine& line) { return is_counter(line, name); });
  }
}

void quote_usage(Diagnosis& found, const Incident& incident) {
  quote_start(found, incident, is_memcg(incident) ? "memory: usage" : "Mem-Info:");
}

void quote_swap(Diagnosis& found, const Incident& incident) {
  if (is_memcg(incident)) {
    quote_start(found, incident, "swap: usage");
    quote_start(found, incident, "memory+swap: usage");
  } else {
    quote_start(found, incident, "Free swap");
    quote_start(found, incident, "Total swap");
  }
}

void quote_kills(Diagnosis& found, const Incident& incident) {
  std::size_t quoted = 0;
  for (const auto& line : incident.log.lines) {
    if (quoted < kMostKills && line.text.contains("Killed process ")) {
      add(found, line);
      ++quoted;
    }
  }
}

void quote_task(Diagnosis& found, const Incident& incident, std::int64_t pid) {
  const auto end = fmt::format("{}]", pid);
  (void)add_first(found, incident, [&](const LogLine& line) {
    const auto text = trimmed(line);
    const auto at = text.starts_with('[') ? text.find(end) : std::string_view::npos;
    return at != std::string_view::npos && at > 0 && (text[at - 1] == ' ' || text[at - 1] == '[') && at < 12;
  });
}

void quote_zones(Diagnosis& found, const Incident& incident) {
  std::size_t quoted = 0;
  for (const auto& zone : incident.analysis.zones) {
    const auto name = zone.node ? fmt::format("Node {} {} ", *zone.node, zone.name) : fmt::format("{} ", zone.name);
    if (zone.allowed != false && quoted < kMostZones) {
      quote_start(found, incident, name + "free:");
      ++quoted;
    }
  }
}

}  // namespace forensics

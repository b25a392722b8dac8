#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/html/charts.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

using base::human_size;

constexpr double kNearlyFull = 0.95;

Proof::Lines lines_of(const Proof& proof, const Incident& incident, std::string_view label) {
  if (label == "limit") {
    auto found = proof.of({"memcg_usage"}, "memory: ");
    return found.empty() ? proof.of({"memcg_limit"}) : found;
  }
  if (label == "swap") {
    return incident.scope == "memcg" ? proof.of({"memcg_usage"}, "swap: usage")
                                     : proof.of({"memory_total"}, "Total swap");
  }
  if (label == "RAM") {
    return proof.of({"memory_total"}, "pages RAM");
  }
  return proof.of({"memcg_usage"}, label == "kmem" ? "kmem:" : "memory+swap:");
}

Count size_of(const MemoryZone& zone, std::string_view name) {
  return cgroup::find(zone.counters, name);
}

const ZoneState* state_of(const Incident& incident, const MemoryZone& zone) {
  const auto found = std::ranges::find_if(incident.analysis.zones, [&](const ZoneState& state) {
    return state.node == zone.node && state.name == zone.name;
  });
  return found == incident.analysis.zones.end() ? nullptr : &*found;
}

// Free memory as a bar, a mark for each watermark.
void write_marks(Page& page, Count free, Count min, Count low, Count high) {
  const auto largest =
      std::max({free.value_or(0), min.value_or(0), low.value_or(0), high.value_or(0), std::uint64_t{1}});
  const auto at = [&](Count bytes) {
    return static_cast<double>(bytes.value_or(0)) / static_cast<double>(largest) * 96;
  };
  page.put(
      R"(<svg class="zone" width="100%" height="22" aria-hidden="true"><rect class="track" width="100%" height="14" y="4"/>)");
  page.put(R"(<rect class="{}" width="{}%" height="14" y="4"/>)", free && min && *free < *min ? "fill bad" : "fill",
           at(free));
  for (const auto& mark : {min, low, high}) {
    if (mark) {
      page.put(R"(<line class="mark" x1="{}%" x2="{}%" y1="0" y2="22"/>)", at(mark), at(mark));
    }
  }
  page.put("</svg>");
}

std::string zone_verdict(const MemoryZone& zone, const ZoneState* state) {
  if (state != nullptr && state->allowed == false) {
    return "not allowed for this request";
  }
  if (state != nullptr && state->short_bytes) {
    return *state->short_bytes > 0
               ? fmt::format("{} short of {} and reserve", human_size(*state->short_bytes), state->watermark)
               : "passes";
  }
  const auto free = size_of(zone, "free"), min = size_of(zone, "min");
  if (!free || !min) {
    return "";
  }
  return *free < *min ? fmt::format("{} below min", human_size(*min - *free)) : "above min";
}

void write_zone(Page& page, const Incident& incident, const MemoryZone& zone, Proof& proof) {
  const auto free = size_of(zone, "free"), min = size_of(zone, "min"), low = size_of(zone, "low"),
             high = size_of(zone, "high");
  const auto cell = [](Count bytes) { return bytes ? human_size(*bytes) : "–"; };
  const auto name = zone.node ? fmt::format("node {} {}", *zone.node, zone.name) : zone.name;
  page.put("<tr><th scope=\"row\">{}", name);
  proof.cite(page, proof.zone(zone.node, zone.name), 1);
  page.put(
      R"(</th><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td class="wide">)",
      cell(free), cell(min), cell(low), cell(high));
  write_marks(page, free, min, low, high);
  page.put("</td><td>{}</td></tr>\n", zone_verdict(zone, state_of(incident, zone)));
}

}  // namespace

void write_bar(Page& page, double share, bool strong) {
  page.put(
      R"(<svg class="bar" width="100%" height="14" aria-hidden="true"><rect class="track" width="100%" height="14"/><rect class="{}" width="{}%" height="14"/></svg>)",
      strong ? "fill bad" : "fill", std::clamp(share, 0.0, 1.0) * 100);
}

void write_gauges(Page& page, const Incident& incident, Proof& proof) {
  const auto list = fullness(incident);
  if (list.empty()) {
    return;
  }
  page.put("<table class=\"gauges\"><caption class=\"unseen\">How full it was</caption><tbody>\n");
  for (const auto& full : list) {
    page.put(R"(<tr><th scope="row">{}</th><td class="wide">)", full.label);
    if (full.share) {
      write_bar(page, *full.share, *full.share > kNearlyFull);
    }
    page.put("</td><td>{}", full.words);
    proof.cite(page, lines_of(proof, incident, full.label), 1);
    page.put("</td></tr>\n");
  }
  page.put("</tbody></table>\n");
}

void write_zones(Page& page, const Incident& incident, Proof& proof) {
  if (!incident.memory_info || incident.memory_info->zones.empty()) {
    return;
  }
  page.put(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Zones\" tabindex=\"0\"><table><caption>Free memory of each "
      "zone "
      "against its watermarks (marks: min, low, high)</caption>\n<thead><tr><th scope=\"col\">zone</th><th "
      "scope=\"col\" "
      "class=\"n\">free</th><th scope=\"col\" class=\"n\">min</th><th scope=\"col\" class=\"n\">low</th><th "
      "scope=\"col\" "
      "class=\"n\">high</th><td></td><th scope=\"col\">at the report</th></tr></thead><tbody>\n");
  for (const auto& zone : incident.memory_info->zones) {
    write_zone(page, incident, zone, proof);
  }
  page.put("</tbody></table></div>\n");
}

}  // namespace forensics::html

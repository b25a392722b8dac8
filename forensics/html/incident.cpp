#include "forensics/html/incident.h"

#include <fmt/format.h>

#include "forensics/html/charts.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

void write_fact(Page& page, std::string_view label, std::string_view words) {
  if (!words.empty()) {
    page.put("<div><dt>{}</dt><dd>{}</dd></div>\n", label, words);
  }
}

void write_facts(Page& page, const Place& place) {
  const auto& incident = place.incident;
  page.put("<dl class=\"facts\">\n");
  write_fact(page, "When", when_words(incident.time));
  write_fact(page, "Kernel", kernel_words(incident.kernel));
  if (incident.repeats > 1) {
    write_fact(page, "Repeats", fmt::format("{} reports like this one in a row", incident.repeats));
  }
  if (incident.cgroup) {
    const auto& [limited, lived] = std::tie(incident.cgroup->oom_memcg, incident.cgroup->task_memcg);
    write_fact(page, "Cgroup", limited.value_or(""));
    write_fact(page, "Victim in", lived != limited ? lived.value_or("") : "");
    write_fact(page, "Owner", owner_words(*incident.cgroup));
  }
  page.put("</dl>\n");
}

void write_filling(Page& page, const Place& place) {
  if (fullness(place.incident).empty() && place.incident.analysis.breakdown.empty()) {
    return;
  }
  open_section(page, place.level, breakdown_title(place.incident));
  write_gauges(page, place.incident, place.proof);
  write_composition(page, place.incident, place.proof);
  close_section(page);
}

void write_log(Page& page, const Place& place) {
  open_section(page, place.level, place.incident.killer == "kernel" ? "The kernel’s own words" : "The log’s own words");
  if (const auto gaps = gaps_sentence(place.incident); !gaps.empty()) {
    page.put("<p>{}</p>\n", gaps);
  }
  place.proof.write(page, place.document);
  close_section(page);
}

}  // namespace

void open_section(Page& page, unsigned level, std::string_view title) {
  page.put("<section>\n<h{}>{}</h{}>\n", level, title, level);
}

void close_section(Page& page) {
  page.put("</section>\n");
}

void write_incident(Page& page, const Place& place) {
  write_answers(page, place);
  write_facts(page, place);
  write_filling(page, place);
  if (place.document.run && place.document.incidents.size() == 1) {
    write_run(page, place.document, place.level);
  }
  write_victims(page, place);
  write_findings(page, place);
  write_request(page, place);
  write_tasks(page, place);
  write_log(page, place);
}

}  // namespace forensics::html

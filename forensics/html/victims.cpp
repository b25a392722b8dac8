#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/allocation_path.h"
#include "forensics/html/charts.h"
#include "forensics/html/incident.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

constexpr std::size_t kContendersShown = 10;

std::string size_or_dash(Count bytes) {
  return bytes ? base::human_size(*bytes) : "–";
}

// The badness of each as a bar; the largest fills its cell.
void write_contenders(Page& page, const Place& place) {
  const auto rows = contenders(place.incident, kContendersShown);
  if (rows.empty()) {
    return;
  }
  std::int64_t most = 1;
  for (const auto& row : rows) {
    most = std::max(most, row.points.value_or(0));
  }
  page.put(
      "<div class=\"scroll\" role=\"region\" aria-label=\"{}\" tabindex=\"0\"><table><caption>{}; points are pages, "
      "with "
      "oom_score_adj counted in</caption>\n<thead><tr><th scope=\"col\" class=\"n\">pid</th><th "
      "scope=\"col\">process</th><th scope=\"col\" class=\"n\">points</th><td></td><th scope=\"col\" "
      "class=\"n\">rss</th><th scope=\"col\" class=\"n\">swap</th><th scope=\"col\" "
      "class=\"n\">adj</th><td></td></tr></thead><tbody>\n",
      contenders_title(place.incident), contenders_title(place.incident));
  for (const auto& row : rows) {
    page.put(R"(<tr class="{}"><td class="n">{}</td><th scope="row">{})", row.killed ? "killed" : "", row.pid,
             row.name);
    place.proof.cite(page, place.proof.row(row.pid), 1);
    page.put(R"(</th><td class="n">{}</td><td class="wide">)", row.points ? std::to_string(*row.points) : "–");
    if (row.points) {
      write_bar(page, static_cast<double>(*row.points) / static_cast<double>(most), row.killed);
    }
    page.put(R"(</td><td class="n">{}</td><td class="n">{}</td><td class="n">{}</td><td>)", size_or_dash(row.rss_bytes),
             size_or_dash(row.swap_bytes), row.oom_score_adj ? std::to_string(*row.oom_score_adj) : "–");
    if (row.killed) {
      page.put("<b>✕ killed</b>");
      place.proof.cite(page, place.proof.kill(row.pid), 1);
    } else if (row.exempt) {
      page.put("exempt");
    }
    page.put("</td></tr>\n");
  }
  page.put("</tbody></table></div>\n");
}

void write_reason(Page& page, const Place& place) {
  const auto& analysis = place.incident.analysis;
  if (place.incident.victims.empty()) {
    return;
  }
  if (const auto choice = choice_sentence(place.incident); !choice.empty()) {
    page.put("<p>{}</p>\n", choice);
  }
  if (analysis.score && !analysis.score->rule.empty()) {
    page.put("<p class=\"note\">The rule: {}</p>\n", analysis.score->rule);
  }
  const auto reaped = place.proof.of({"reaper"});
  if (!reaped.empty()) {
    page.put("<p>Its memory was taken back at once.");
    place.proof.cite(page, reaped, 2);
    page.put("</p>\n");
  }
}

}  // namespace

void write_victims(Page& page, const Place& place) {
  open_section(page, place.level, place.incident.victims.empty() ? "The largest processes" : "Why this process");
  write_reason(page, place);
  write_contenders(page, place);
  close_section(page);
}

void write_request(Page& page, const Place& place) {
  const auto& incident = place.incident;
  const auto request = request_sentence(incident);
  const bool zones = incident.memory_info && incident.scope != "memcg" && !incident.memory_info->zones.empty();
  if (request.empty() && !zones && incident.call_trace.empty() && before_sentences(incident).empty()) {
    return;
  }
  open_section(page, place.level, "Why now");
  for (const auto& text : before_sentences(incident)) {
    page.put("<p>{}</p>\n", text);
  }
  if (!request.empty()) {
    page.put("<p>{}", request);
    place.proof.cite(page, place.proof.of({"trigger", "allocation_failure"}), 1);
    place.proof.cite(page, place.proof.of({"stack_frame"}), 1);
    page.put("</p>\n");
  }
  const auto& mask = incident.trigger.gfp_mask;
  if (mask && mask->text) {
    page.put("<p class=\"note\">GFP mask <code>{}</code></p>\n", *mask->text);
  }
  if (!incident.call_trace.empty()) {
    page.put("<details><summary>The path there: {}</summary><ol class=\"trace\">\n",
             counted(incident.call_trace.size(), "function"));
    for (const auto& frame : incident.call_trace) {
      page.put("<li><code>{}</code></li>\n", frame);
    }
    page.put("</ol></details>\n");
  }
  if (zones) {
    write_zones(page, incident, place.proof);
  }
  close_section(page);
}

}  // namespace forensics::html

#include <fmt/format.h>

#include "forensics/composition.h"
#include "forensics/html/incident.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

void write_list(Page& page, std::string_view title, const std::vector<std::string>& items) {
  if (items.empty()) {
    return;
  }
  page.put("<p class=\"list-title\">{}</p><ul>\n", title);
  for (const auto& item : items) {
    page.put("<li>");
    page.prose(item);
    page.put("</li>\n");
  }
  page.put("</ul>\n");
}

}  // namespace

void write_findings(Page& page, const Place& place) {
  if (place.incident.diagnosis.empty()) {
    return;
  }
  open_section(page, place.level, "What to do");
  page.put("<ol class=\"findings\">\n");
  for (const auto& finding : place.incident.diagnosis) {
    page.put("<li><h{}>{} <small>{} % sure{}</small></h{}>\n", place.level + 1, finding.title,
             percent(finding.confidence), finding.role == "cause" ? "" : ", a " + finding.role, place.level + 1);
    write_list(page, "What shows it", finding.evidence);
    if (const auto lines = place.proof.numbered(finding.lines); !lines.empty()) {
      page.put("<p class=\"note\">In the log:");
      place.proof.cite(page, lines, 6);
      page.put("</p>\n");
    }
    write_list(page, "What helps", finding.advice);
    write_list(page, "What will not help", finding.will_not_help);
    page.put("</li>\n");
  }
  page.put("</ol>\n");
  close_section(page);
}

}  // namespace forensics::html

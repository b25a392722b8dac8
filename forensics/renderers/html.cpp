#include <algorithm>

#include <fmt/format.h>

#include "forensics/html/charts.h"
#include "forensics/html/guide.h"
#include "forensics/html/incident.h"
#include "forensics/html/ink.h"
#include "forensics/html/page.h"
#include "forensics/renderer.h"
#include "forensics/run_words.h"
#include "forensics/words.h"

namespace forensics::renderers {
namespace {

using html::Page;

constexpr std::string_view kEndings[] = {".html", ".htm"};
// Rows of tables that a browser lays out in about a second, in the page of one incident and of several; further tasks
// are lines of text.
constexpr std::size_t kTaskRows = 12'000, kTaskRowsOfSeveral = 4'000;

std::string capitalized(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text;
}

std::string title_of(const Postmortem& document) {
  if (document.incidents.size() == 1) {
    return fmt::format("{}: {}", kind_words(document.incidents.front()), document.incidents.front().verdict);
  }
  if (document.run) {
    return capitalized(run_sentence(*document.run));
  }
  return document.incidents.empty() ? nothing_found_sentence(document) : overview_sentence(document);
}

std::string headline_of(const Postmortem& document) {
  if (document.incidents.size() == 1) {
    return headline(document.incidents.front());
  }
  if (document.run) {
    return run_sentence(*document.run) + ".";
  }
  return document.incidents.empty() ? nothing_found_sentence(document) : overview_sentence(document);
}

std::string badge_of(const Postmortem& document) {
  if (document.incidents.size() == 1) {
    return kind_words(document.incidents.front());
  }
  if (document.run) {
    return document.run->outcome.verdict == "completed" ? "Completed" : "Outcome: " + document.run->outcome.verdict;
  }
  return document.incidents.empty() ? "Nothing found" : "Kernel log";
}

bool is_good(const Postmortem& document) {
  return document.incidents.empty() && (!document.run || document.run->outcome.verdict == "completed");
}

void write_header(Page& page, const Postmortem& document) {
  page.put(
      "<header class=\"top {}\">\n<p class=\"badge\"><span aria-hidden=\"true\">{}</span> "
      "{}</p>\n<h1>{}</h1>\n<p class=\"help\"><a href=\"#guide\">How to read an OOM report</a></p>\n</header>\n",
      is_good(document) ? "good" : "bad", is_good(document) ? "✓" : "✕", badge_of(document), headline_of(document));
}

void write_overview(Page& page, const Postmortem& document) {
  html::open_section(page, 2, "Overview");
  html::write_kills(page, document);
  page.put(
      "<div class=\"scroll\" role=\"region\" aria-label=\"Incidents\" tabindex=\"0\"><table data-sort><caption>All "
      "incidents, in the order of the log</caption>\n<thead><tr><th scope=\"col\" class=\"n\">no.</th><th "
      "scope=\"col\">when</th><th scope=\"col\">what</th></tr></thead><tbody>\n");
  for (std::size_t i = 0; i < document.incidents.size(); ++i) {
    const auto& incident = document.incidents[i];
    page.put("<tr><td class=\"n\"><a href=\"#incident{}\">{}</a></td><td>{}</td><th scope=\"row\">{}</th></tr>\n",
             i + 1, i + 1, when_words(incident.time), incident.verdict);
  }
  page.put("</tbody></table></div>\n");
  html::close_section(page);
}

void write_story(Page& page, const Postmortem& document) {
  const auto story = story_sentences(document), counters = reconciliation_sentences(document);
  if (story.empty() && counters.empty()) {
    return;
  }
  html::open_section(page, 2, "The story");
  page.put("<ul>\n");
  for (const auto& sentences : {story, counters}) {
    for (const auto& text : sentences) {
      page.put("<li>{}</li>\n", text);
    }
  }
  page.put("</ul>\n");
  html::close_section(page);
}

// Of several incidents each is a box that a click (or a link into it) opens.
void write_incidents(Page& page, const Postmortem& document) {
  const auto count = document.incidents.size();
  auto rows = count > 1 ? kTaskRowsOfSeveral : kTaskRows;
  for (std::size_t i = 0; i < count; ++i) {
    const auto& incident = document.incidents[i];
    html::Proof proof(incident, i + 1);
    const auto own_rows = std::min(rows, incident.tasks.size());
    rows -= own_rows;
    if (count == 1) {
      html::write_incident(page, {document, incident, proof, 2, own_rows});
      continue;
    }
    page.put("<details class=\"incident\"");
    if (i == 0) {
      page.put(" open");
    }
    // A link to what is inside opens the box; one to the box itself would not.
    page.put("><summary><h2>{}. {}: {}.</h2></summary>\n<div id=\"incident{}\">\n", i + 1, kind_words(incident),
             incident.verdict, i + 1);
    html::write_incident(page, {document, incident, proof, 3, own_rows});
    page.put("</div></details>\n");
  }
}

void write_sources(Page& page, const Postmortem& document) {
  if (document.inputs.empty() && document.warnings.empty()) {
    return;
  }
  html::open_section(page, 2, "About this post-mortem");
  if (!document.inputs.empty()) {
    page.put("<p>Made from:</p>\n<ul>\n");
    for (const auto& input : document.inputs) {
      page.put("<li><code>{}</code>, {}{}{}</li>\n", input.name, counted(input.lines, "line"),
               input.carrier ? ", read as " + *input.carrier : "", input.compression ? ", " + *input.compression : "");
    }
    page.put("</ul>\n");
  }
  if (!document.warnings.empty()) {
    page.put("<p>What to know about the reading:</p>\n<ul>\n");
    for (const auto& warning : document.warnings) {
      page.put("<li>{}</li>\n", warning_words(document, warning));
    }
    page.put("</ul>\n");
  }
  html::close_section(page);
}

std::string render_html(const Postmortem& document, const RenderOptions& /*options*/) {
  Page page(title_of(document));
  html::write_inks(page);
  write_header(page, document);
  page.put("<main id=\"report\">\n");
  if (document.incidents.size() > 1) {
    if (document.run) {
      html::write_run(page, document, 2);
    }
    write_overview(page, document);
  } else if (document.incidents.empty() && document.run) {
    html::write_run(page, document, 2);
  }
  write_story(page, document);
  write_incidents(page, document);
  write_sources(page, document);
  page.put(
      "<details class=\"guide\"><summary>Reading an OOM report: a guide, line by line</summary>\n<div id=\"guide\">\n");
  html::write_guide(page, html::guide_text());
  page.put("</div></details>\n");
  page.put("</main>\n<footer><p>Written by oomlab {}. Nothing in this file is fetched from anywhere.</p></footer>\n",
           OOMLAB_VERSION);
  return std::move(page).finish();
}

}  // namespace

constinit extern const Renderer html{
    .summary = "one file for a browser: charts, tables, and a link from each claim to the line that shows it",
    .endings = kEndings,
    .render = render_html,
};

}  // namespace forensics::renderers

#include <vector>

#include <fmt/format.h>

#include "base/parallel.h"
#include "forensics/renderer.h"
#include "forensics/run_words.h"
#include "forensics/text_incident.h"
#include "forensics/words.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".txt"};

std::string rule(std::size_t columns) {
  std::string out;
  for (std::size_t i = 0; i < columns; ++i) {
    out += "─";
  }
  return out;
}

// Several incidents: who died how often, then one line for each.
void write_overview(Page& page, const Postmortem& document) {
  page.paragraph(overview_sentence(document), Tone::strong);
  page.line();
  constexpr std::size_t kListed = 40;
  for (std::size_t i = 0; i < document.incidents.size() && i < kListed; ++i) {
    const auto& incident = document.incidents[i];
    const auto number = fmt::format("{:>4}. ", i + 1);
    const auto when = incident.time.realtime      ? shown(clock_words(*incident.time.realtime)) + "  "
                      : incident.time.monotonic_s ? fmt::format("{:.2f} s  ", *incident.time.monotonic_s)
                                                  : "";
    page.line(fit(number + when + shown(incident.verdict), page.width()));
  }
  if (document.incidents.size() > kListed) {
    page.line(fmt::format("      and {} more, all below", document.incidents.size() - kListed));
  }
}

void write_story(Page& page, const Postmortem& document) {
  const auto story = story_sentences(document);
  if (story.empty()) {
    return;
  }
  if (document.incidents.size() != 1) {
    page.line();
  }
  for (const auto& text : story) {
    page.bullet("»", text, 0, Tone::strong);
  }
  if (document.incidents.size() == 1) {
    page.line();
  }
}

void write_reconciliation(Page& page, const Postmortem& document) {
  const auto sentences = reconciliation_sentences(document);
  if (!sentences.empty()) {
    page.line();
  }
  for (const auto& text : sentences) {
    page.bullet("=", text, 0);
  }
}

void write_warnings(Page& page, const Postmortem& document) {
  if (document.warnings.empty()) {
    return;
  }
  page.line();
  for (const auto& warning : document.warnings) {
    page.bullet("!", warning_words(document, warning), 0, Tone::dim);
  }
}

void write_incident(Page& page, const Postmortem& document, std::size_t i) {
  const auto count = document.incidents.size();
  if (count > 1) {
    page.line();
    page.line(page.paint(Tone::dim, rule(page.width())));
  }
  const auto& incident = document.incidents[i];
  write_headline(page, incident, count > 1 ? fmt::format(" {} of {}", i + 1, count) : "");
  write_incident_facts(page, incident);
  if (document.run && count == 1) {
    page.heading("The run");
    write_run(page, *document.run);
  }
  write_incident_details(page, incident);
}

std::string render_text(const Postmortem& document, const RenderOptions& options) {
  Page page(options);
  const auto count = document.incidents.size();
  if (document.run && count == 0) {
    const auto& verdict = document.run->outcome.verdict;
    page.paragraph(run_sentence(*document.run) + ".", verdict == "completed" ? Tone::good : Tone::bad);
    page.line();
    write_run(page, *document.run);
  } else if (count == 0) {
    page.paragraph(nothing_found_sentence(document), Tone::strong);
  } else if (count > 1) {
    if (document.run) {
      page.paragraph(run_sentence(*document.run) + ".", Tone::bad);
      page.line();
      write_run(page, *document.run);
      page.line();
    }
    write_overview(page, document);
  }
  write_story(page, document);
  std::vector<Page> pages(count, Page(options));
  base::for_each_index(count, options.threads, [&](std::size_t i) { write_incident(pages[i], document, i); });
  for (auto& one : pages) {
    page.add(std::move(one));
  }
  write_reconciliation(page, document);
  write_warnings(page, document);
  return std::move(page).finish();
}

}  // namespace

constinit extern const Renderer text{
    .summary = "for a terminal: verdict, limit, what filled it, victim, timeline, advice",
    .endings = kEndings,
    .render = render_text,
};

}  // namespace forensics::renderers

#include "forensics/text_incident.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/run_words.h"
#include "forensics/words.h"

namespace forensics {
namespace {

constexpr std::size_t kPartsShown = 8;
constexpr std::size_t kCandidatesShown = 5;
constexpr std::size_t kFindingsShown = 3;
constexpr double kNearlyFull = 0.95;

std::string size_or_dash(Count bytes) {
  return bytes ? base::human_size(*bytes) : "–";
}

void write_breakdown(Page& page, const Incident& incident) {
  const auto main = main_parts(incident, kPartsShown);
  if (main.parts.empty()) {
    return;
  }
  page.heading(breakdown_title(incident));
  const std::size_t figures = 18;
  const auto label = std::min<std::size_t>(page.width() / 3, 27);
  const auto cells = std::min<std::size_t>(page.width() - label - figures - 2, 50);
  for (const auto& part : main.parts) {
    const bool calm = part.part == "free" || part.part == "unaccounted" || &part == &main.parts.back();
    const auto words = shown(part_words(part.part));
    page.line(fmt::format("  {}{} {:>9} {:>4} %", pad(fit(words, label - 1), label),
                          page.paint(calm ? Tone::dim : Tone::accent, bar(part.share, cells)),
                          base::human_size(part.bytes),
                          part.share < 0.005 ? "<1" : std::to_string(percent(part.share))));
  }
  if (incident.analysis.unlisted) {
    page.paragraph(sentence(incident.analysis.unlisted->words), Tone::plain, 2);
  }
}

void write_candidates(Page& page, const Incident& incident) {
  std::vector<Page::Row> rows;
  for (const auto& one : contenders(incident, kCandidatesShown)) {
    rows.push_back({.cells = {std::to_string(one.pid), one.name, one.points ? std::to_string(*one.points) : "–",
                              size_or_dash(one.rss_bytes), size_or_dash(one.swap_bytes),
                              one.oom_score_adj ? std::to_string(*one.oom_score_adj) : "–",
                              one.killed   ? "killed"
                              : one.exempt ? "exempt"
                                           : ""},
                    .tone = one.killed ? Tone::bad : Tone::plain});
  }
  if (rows.empty()) {
    return;
  }
  page.heading(contenders_title(incident));
  page.table({{"pid", Align::right},
              {"process", Align::left, true},
              {"points", Align::right, false, 2},
              {"rss", Align::right},
              {"swap", Align::right, false, 1},
              {"adj", Align::right, false, 3},
              {""}},
             std::move(rows));
}

void write_why(Page& page, const Incident& incident) {
  const auto choice = incident.victims.empty() ? "" : choice_sentence(incident);
  if (!choice.empty()) {
    page.heading("Why this process");
    page.paragraph(choice, Tone::plain, 2);
  }
  const auto why = why_now_sentence(incident), request = request_sentence(incident);
  if (why.empty() && request.empty()) {
    return;
  }
  page.heading("Why now");
  for (const auto& text : {why, request}) {
    if (!text.empty()) {
      page.paragraph(text, Tone::plain, 2);
    }
  }
}

void write_findings(Page& page, const Incident& incident) {
  if (incident.diagnosis.empty()) {
    return;
  }
  page.heading("What to do");
  for (std::size_t i = 0; i < incident.diagnosis.size() && i < kFindingsShown; ++i) {
    const auto& finding = incident.diagnosis[i];
    page.bullet(fmt::format("{}.", i + 1), fmt::format("{} ({} % sure)", finding.title, percent(finding.confidence)), 2,
                Tone::strong);
    for (const auto& evidence : finding.evidence) {
      page.bullet("·", evidence, 5, Tone::dim);
    }
    if (const auto lines = lines_words(finding); i == 0 && !lines.empty()) {
      page.bullet("·", lines, 5, Tone::dim);
    }
    // The first finding with all its advice; the others with the first step, so that the page stays short.
    for (std::size_t j = 0; j < finding.advice.size() && (i == 0 || j == 0); ++j) {
      page.bullet("→", finding.advice[j], 5);
    }
    for (std::size_t j = 0; j < finding.will_not_help.size() && i == 0; ++j) {
      page.bullet("✗", will_not_help_words(finding.will_not_help[j]), 5);
    }
  }
  std::string also;
  for (std::size_t i = kFindingsShown; i < incident.diagnosis.size(); ++i) {
    also += fmt::format("{}{} ({} %)", also.empty() ? "Also: " : "; ", incident.diagnosis[i].title,
                        percent(incident.diagnosis[i].confidence));
  }
  if (!also.empty()) {
    page.paragraph(also + ".", Tone::dim, 2);
  }
}

void write_gaps(Page& page, const Incident& incident) {
  if (const auto text = gaps_sentence(incident); !text.empty()) {
    page.line();
    page.paragraph(text, Tone::dim);
  }
}

constexpr RenderOptions kBox{.colour = false, .width = 100};

}  // namespace

void write_headline(Page& page, const Incident& incident, std::string_view number) {
  page.paragraph(fmt::format("{}{}: {}.", kind_words(incident), number, incident.verdict), Tone::bad);
  page.line();
}

void write_incident_facts(Page& page, const Incident& incident) {
  const auto fact = [&](std::string_view label, const std::string& words) {
    if (!words.empty()) {
      page.fact(label, words);
    }
  };
  fact("when", when_words(incident.time));
  fact("kernel", kernel_words(incident.kernel));
  if (incident.repeats > 1) {
    page.fact("repeats", fmt::format("{} reports like this one in a row", incident.repeats));
  }
  if (incident.cgroup) {
    const auto& [limited, lived] = std::tie(incident.cgroup->oom_memcg, incident.cgroup->task_memcg);
    fact("cgroup", short_path(limited.value_or("")));
    fact("victim in", lived != limited ? short_path(lived.value_or("")) : "");
    fact("owner", owner_words(*incident.cgroup));
  }
  for (const auto& [label, share, words] : fullness(incident)) {
    if (share) {
      page.gauge(label, *share, words, *share > kNearlyFull || label == "RAM" ? Tone::bad : Tone::accent);
    } else {
      page.fact(label, words);
    }
  }
}

void write_incident_details(Page& page, const Incident& incident) {
  write_breakdown(page, incident);
  write_candidates(page, incident);
  write_why(page, incident);
  write_findings(page, incident);
  write_gaps(page, incident);
}

std::string incident_text(const Incident& incident) {
  Page page(kBox);
  write_headline(page, incident);
  write_incident_facts(page, incident);
  write_incident_details(page, incident);
  return std::move(page).finish();
}

std::string run_text(const Run& run) {
  Page page(kBox);
  page.paragraph(run_sentence(run) + ".");
  page.line();
  write_run(page, run);
  return std::move(page).finish();
}

}  // namespace forensics

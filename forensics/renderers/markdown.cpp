#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/markdown_page.h"
#include "forensics/renderer.h"
#include "forensics/run_words.h"
#include "forensics/text_layout.h"
#include "forensics/words.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".md", ".markdown"};
// A comment on GitHub holds 65,536 characters, a note on GitLab more.
constexpr std::size_t kFullUntil = 40'000;  // after that an incident is a line of the overview only
constexpr std::size_t kListed = 150;
constexpr std::size_t kPartsShown = 8, kContendersShown = 5, kFindingsShown = 3, kLinesShown = 120;
constexpr std::size_t kBarCells = 20;

using Align = MarkdownPage::Align;
using Rows = std::vector<std::vector<std::string>>;

std::string size_or_dash(Count bytes) {
  return bytes ? base::human_size(*bytes) : "–";
}

void write_facts(MarkdownPage& page, const Rows& rows) {
  constexpr std::string_view kNothing;
  const MarkdownPage::Column columns[] = {{std::string(kNothing)}, {std::string(kNothing)}};
  if (!rows.empty()) {
    page.table(columns, rows);
  }
}

void write_facts(MarkdownPage& page, const Incident& incident) {
  Rows rows;
  const auto fact = [&](std::string_view label, std::string words) {
    if (!words.empty()) {
      rows.push_back({std::string(label), std::move(words)});
    }
  };
  fact("when", when_words(incident.time));
  fact("kernel", kernel_words(incident.kernel));
  fact("repeats", incident.repeats > 1 ? fmt::format("{} reports like this one in a row", incident.repeats) : "");
  if (incident.cgroup) {
    const auto& [limited, lived] = std::tie(incident.cgroup->oom_memcg, incident.cgroup->task_memcg);
    fact("cgroup", short_path(limited.value_or("")));
    fact("victim in", lived != limited ? short_path(lived.value_or("")) : "");
    fact("owner", owner_words(*incident.cgroup));
  }
  for (const auto& full : fullness(incident)) {
    fact(full.label, full.words);
  }
  write_facts(page, rows);
}

void write_breakdown(MarkdownPage& page, const Incident& incident) {
  const auto main = main_parts(incident, kPartsShown);
  if (main.parts.empty()) {
    return;
  }
  page.strong(breakdown_title(incident));
  Rows rows;
  for (const auto& part : main.parts) {
    const auto drawn = bar(part.share, kBarCells);
    rows.push_back({std::string(part_words(part.part)), base::human_size(part.bytes),
                    part.share < 0.005 ? "under 1 %" : fmt::format("{} %", percent(part.share)),
                    drawn.substr(0, drawn.find_last_not_of(' ') + 1)});
  }
  const MarkdownPage::Column columns[] = {{"part"}, {"size", Align::right}, {"share", Align::right}, {""}};
  page.table(columns, rows);
  if (incident.analysis.unlisted) {
    page.paragraph(sentence(incident.analysis.unlisted->words));
  }
}

void write_contenders(MarkdownPage& page, const Incident& incident) {
  Rows rows;
  for (const auto& one : contenders(incident, kContendersShown)) {
    rows.push_back({std::to_string(one.pid), one.name, one.points ? std::to_string(*one.points) : "–",
                    size_or_dash(one.rss_bytes), size_or_dash(one.swap_bytes),
                    one.oom_score_adj ? std::to_string(*one.oom_score_adj) : "–",
                    one.killed   ? "killed"
                    : one.exempt ? "exempt"
                                 : ""});
  }
  if (rows.empty()) {
    return;
  }
  page.strong(contenders_title(incident));
  const MarkdownPage::Column columns[] = {
      {"pid", Align::right}, {"process"}, {"points", Align::right}, {"rss", Align::right}, {"swap", Align::right},
      {"adj", Align::right}, {""}};
  page.table(columns, rows);
}

void write_findings(MarkdownPage& page, const Incident& incident) {
  if (incident.diagnosis.empty()) {
    return;
  }
  page.strong("What to do");
  for (std::size_t i = 0; i < incident.diagnosis.size() && i < kFindingsShown; ++i) {
    const auto& finding = incident.diagnosis[i];
    page.numbered(i + 1, fmt::format("{} ({} % sure)", finding.title, percent(finding.confidence)));
    for (const auto& evidence : finding.evidence) {
      page.bullet(evidence, 3);
    }
    for (std::size_t j = 0; j < finding.advice.size() && (i == 0 || j == 0); ++j) {
      page.bullet("→ " + finding.advice[j], 3);
    }
    for (std::size_t j = 0; j < finding.will_not_help.size() && i == 0; ++j) {
      page.bullet(will_not_help_words(finding.will_not_help[j]), 3);
    }
  }
  page.gap();
}

void write_lines(MarkdownPage& page, const Incident& incident) {
  const auto& lines = incident.log.lines;
  if (lines.empty()) {
    return;
  }
  std::vector<std::string> shown;
  for (std::size_t i = 0; i < lines.size() && i < kLinesShown; ++i) {
    shown.push_back(fmt::format("{:>6}  {}", lines[i].line, lines[i].text));
  }
  const auto title = lines.size() > shown.size()
                         ? fmt::format("The kernel's report, its first {} of {} lines", shown.size(), lines.size())
                         : fmt::format("The kernel's report, {}", counted(lines.size(), "line"));
  page.collapsed(title, shown);
}

void write_run(MarkdownPage& page, const Run& run) {
  Rows rows;
  const auto fact = [&](std::string_view label, std::string words) {
    if (!words.empty()) {
      rows.push_back({std::string(label), std::move(words)});
    }
  };
  fact("command", command_words(run));
  fact("backend", backend_words(run));
  fact("limits", limits_words(run.limits));
  fact("outcome", outcome_words(run));
  fact("expected", run.expectation ? expectation_words(*run.expectation) : "");
  fact("peak", run.memory.peak_bytes ? base::human_size(*run.memory.peak_bytes) : "");
  fact("events", run.memory.events ? events_words(*run.memory.events) : "");
  write_facts(page, rows);
}

void write_incident(MarkdownPage& page, const Incident& incident, const std::string& number) {
  page.heading(3, kind_words(incident) + number);
  page.strong(incident.verdict.empty() ? "" : incident.verdict + ".");
  write_facts(page, incident);
  write_breakdown(page, incident);
  write_contenders(page, incident);
  const auto choice = incident.victims.empty() ? "" : choice_sentence(incident);
  if (!choice.empty()) {
    page.strong("Why this process");
    page.paragraph(choice);
  }
  for (const auto& text : {why_now_sentence(incident), request_sentence(incident)}) {
    if (!text.empty()) {
      page.paragraph(text);
    }
  }
  write_findings(page, incident);
  if (const auto gaps = gaps_sentence(incident); !gaps.empty()) {
    page.paragraph(gaps);
  }
  write_lines(page, incident);
}

void write_overview(MarkdownPage& page, const Postmortem& document) {
  page.heading(2, overview_sentence(document));
  Rows rows;
  for (std::size_t i = 0; i < document.incidents.size() && i < kListed; ++i) {
    const auto& incident = document.incidents[i];
    rows.push_back({std::to_string(i + 1), when_words(incident.time), incident.verdict});
  }
  const MarkdownPage::Column columns[] = {{"", Align::right}, {"when"}, {"what"}};
  page.table(columns, rows);
  if (document.incidents.size() > rows.size()) {
    page.paragraph(fmt::format("and {} more.", document.incidents.size() - rows.size()));
  }
}

std::string render_markdown(const Postmortem& document, const RenderOptions& /*options*/) {
  MarkdownPage page;
  const auto count = document.incidents.size();
  if (document.run) {
    page.heading(2, run_sentence(*document.run));
    write_run(page, *document.run);
  } else if (count == 0) {
    page.paragraph(nothing_found_sentence(document));
  }
  if (count > 1) {
    write_overview(page, document);
  }
  for (const auto& sentences : {story_sentences(document), reconciliation_sentences(document)}) {
    for (const auto& text : sentences) {
      page.paragraph(text);
    }
  }
  std::size_t written = 0;
  for (; written < count && (written == 0 || page.size() < kFullUntil); ++written) {
    write_incident(page, document.incidents[written], count > 1 ? fmt::format(" {} of {}", written + 1, count) : "");
  }
  if (written < count) {
    page.paragraph(
        fmt::format("The other {} are in the overview only, as a comment holds so much; other formats have "
                    "all of them.",
                    count - written));
  }
  for (const auto& warning : document.warnings) {
    page.bullet(warning_words(document, warning), 0);
  }
  return std::move(page).finish();
}

}  // namespace

constinit extern const Renderer markdown{
    .summary = "for issues, pull requests and chats: tables, and the kernel's lines behind a click",
    .endings = kEndings,
    .render = render_markdown,
};

}  // namespace forensics::renderers

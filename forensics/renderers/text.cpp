#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "forensics/renderer.h"
#include "forensics/text_incident.h"
#include "forensics/verdict.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".txt"};

std::string_view kind_words(const Incident& incident) {
  if (incident.kind == "no_victim") {
    return "Out of memory, nobody killed";
  }
  if (incident.kind == "panic") {
    return "Kernel panic";
  }
  if (incident.kind == "allocation_failure") {
    return "Allocation failure";
  }
  return incident.kind == "userspace_kill" ? "Kill from user space" : "OOM kill";
}

// "OOM kill: a.out (pid 3652) was killed because ..."
void write_headline(Page& page, const Incident& incident, const std::string& number) {
  page.paragraph(fmt::format("{}{}: {}.", kind_words(incident), number, shown(incident.verdict)), Tone::bad);
  page.line();
}

std::string rule(std::size_t columns) {
  std::string out;
  for (std::size_t i = 0; i < columns; ++i) {
    out += "─";
  }
  return out;
}

std::uint64_t lines_read(const Postmortem& document) {
  std::uint64_t lines = 0;
  for (const auto& input : document.inputs) {
    lines += input.lines;
  }
  return lines;
}

void write_nothing_found(Page& page, const Postmortem& document) {
  std::string seen;
  std::map<std::string, std::size_t> carriers;
  for (const auto& input : document.inputs) {
    ++carriers[input.carrier ? shown(*input.carrier) : "nothing that looks like a log"];
  }
  for (const auto& [carrier, count] : carriers) {
    seen +=
        fmt::format("{}{}{}", seen.empty() ? "" : ", ", carrier, count > 1 ? fmt::format(" in {} inputs", count) : "");
  }
  page.paragraph(
      fmt::format("No OOM kill found in {}{}; what was seen: {}.", counted(lines_read(document), "line"),
                  document.inputs.size() > 1 ? fmt::format(" of {}", counted(document.inputs.size(), "input")) : "",
                  seen.empty() ? "no input" : seen),
      Tone::strong);
}

std::string_view story_words(std::string_view code) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"crash_loop", "Crash loop"},
      {"storm", "Storm"},
      {"leak_over_kills", "Leak that outlives the kills"},
      {"kills_freed_nothing", "Kills that freed nothing"},
      {"no_victim_loop", "Out of memory with nobody to kill"},
      {"host_pressure", "One shortage of the machine"},
      {"repeated", "One story"}};
  const auto* found = std::ranges::find(kWords, code, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kWords) ? code : found->second;
}

// Several incidents: who died how often, then one line for each.
void write_overview(Page& page, const Postmortem& document) {
  std::uint64_t kills = 0;
  std::map<std::string, std::uint64_t> by_name;
  for (const auto& incident : document.incidents) {
    for (const auto& victim : incident.victims) {
      ++kills;
      ++by_name[shown(victim.comm.value_or("?"))];
    }
  }
  std::vector<std::pair<std::string, std::uint64_t>> names(by_name.begin(), by_name.end());
  std::ranges::stable_sort(names, std::greater{}, &std::pair<std::string, std::uint64_t>::second);
  std::string who;
  for (std::size_t i = 0; i < names.size() && i < 6; ++i) {
    who += fmt::format("{}{}{}", i == 0 ? ": " : ", ", names[i].first,
                       names[i].second > 1 ? fmt::format(" × {}", names[i].second) : "");
  }
  page.paragraph(
      fmt::format("{} in {}, {} killed{}{}.", counted(document.incidents.size(), "incident"),
                  counted(lines_read(document), "line"), counted(kills, "process"), who, names.size() > 6 ? ", …" : ""),
      Tone::strong);
  page.line();
  constexpr std::size_t kListed = 40;
  for (std::size_t i = 0; i < document.incidents.size() && i < kListed; ++i) {
    const auto& incident = document.incidents[i];
    const auto number = fmt::format("{:>4}. ", i + 1);
    const auto when = incident.time.realtime      ? shown(*incident.time.realtime) + "  "
                      : incident.time.monotonic_s ? fmt::format("{:.2f} s  ", *incident.time.monotonic_s)
                                                  : "";
    page.line(fit(number + when + shown(incident.verdict), page.width()));
  }
  if (document.incidents.size() > kListed) {
    page.line(fmt::format("      and {} more, all below", document.incidents.size() - kListed));
  }
}

// The stories that the incidents make, and the kills against the kernel's counters.
void write_story(Page& page, const Postmortem& document) {
  if (!document.episodes.empty()) {
    page.line();
  }
  for (const auto& episode : document.episodes) {
    std::string which;
    for (std::size_t i = 0; i < episode.incidents.size() && i < 8; ++i) {
      which += fmt::format("{}{}", which.empty() ? "" : ", ", episode.incidents[i] + 1);
    }
    page.bullet("»",
                fmt::format("{} (incident{} {}{}): {}.", shown(story_words(episode.code)),
                            episode.incidents.size() == 1 ? "" : "s", which, episode.incidents.size() > 8 ? ", …" : "",
                            shown(episode.words)),
                0, Tone::strong);
  }
}

void write_reconciliation(Page& page, const Postmortem& document) {
  bool first = true;
  for (const auto& made : document.reconciliation) {
    if (made.code == "equal" && document.run) {
      continue;  // the usual case of a run says nothing
    }
    if (std::exchange(first, false)) {
      page.line();
    }
    page.bullet("=", shown(made.words) + ".", 0, made.code == "equal" ? Tone::dim : Tone::strong);
  }
}

void write_warnings(Page& page, const Postmortem& document) {
  if (document.warnings.empty()) {
    return;
  }
  page.line();
  for (const auto& warning : document.warnings) {
    std::string where;
    if (warning.input && *warning.input < document.inputs.size()) {
      where = fmt::format("{}{}: ", shown(document.inputs[*warning.input].name),
                          warning.line ? fmt::format(":{}", *warning.line) : "");
    }
    page.bullet("!", where + shown(warning.message), 0, Tone::dim);
  }
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
    write_nothing_found(page, document);
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
  if (count == 1 && !document.episodes.empty()) {
    page.line();
  }
  for (std::size_t i = 0; i < count; ++i) {
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

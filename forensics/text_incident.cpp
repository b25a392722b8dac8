#include "forensics/text_incident.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/allocation_path.h"
#include "forensics/badness.h"
#include "forensics/composition.h"
#include "forensics/owner.h"
#include "forensics/verdict.h"

namespace forensics {
namespace {

using base::human_size;

constexpr std::size_t kPartsShown = 8;
constexpr std::size_t kCandidatesShown = 5;
constexpr std::size_t kFindingsShown = 3;

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// The path with its container ids shortened, as the runtimes' own tools do.
std::string shown_path(std::string_view path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kLongId = 40, kShortId = 12;
  const auto safe = shown(path);
  std::string out;
  for (std::size_t at = 0; at < safe.size();) {
    const auto end = std::min(safe.find_first_not_of(kHex, at), safe.size());
    const auto run = std::string_view(safe).substr(at, std::max<std::size_t>(end - at, 1));
    out += run.size() >= kLongId ? std::string(run.substr(0, kShortId)) + "…" : std::string(run);
    at += run.size();
  }
  return out;
}

// With a capital letter and a full stop.
std::string sentence(std::string_view words) {
  auto text = shown(words);
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text + ".";
}

// Within a sentence: "RAM" and names keep their capitals.
std::string uncapitalized(std::string text) {
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() > 1 && is_capital(text[0]) && !is_capital(text[1])) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');
  }
  return text;
}

std::string size_or_dash(Count bytes) {
  return bytes ? human_size(*bytes) : "–";
}

void write_usage(Page& page, std::string_view label, const Usage& usage) {
  if (!usage.usage_bytes) {
    return;
  }
  if (!usage.limit_bytes) {
    page.fact(label, fmt::format("{}{}", human_size(*usage.usage_bytes), usage.unlimited ? ", no limit" : ""));
    return;
  }
  if (*usage.limit_bytes == 0) {
    page.fact(label, "none allowed (limit 0)");
    return;
  }
  const auto share = share_of(*usage.usage_bytes, *usage.limit_bytes);
  const auto refused = usage.failcnt.value_or(0) > 0 ? fmt::format(", hit {}", counted(*usage.failcnt, "time")) : "";
  page.gauge(label, share,
             fmt::format("{} of {}{}", human_size(*usage.usage_bytes), human_size(*usage.limit_bytes), refused),
             share > 0.95 ? Tone::bad : Tone::accent);
}

void write_machine(Page& page, const Incident& incident) {
  const auto& info = *incident.memory_info;
  const auto size = incident.analysis.page_size_bytes.value_or(4096);
  if (info.ram_pages) {
    const auto ram = *info.ram_pages * size;
    const auto free = cgroup::find(info.counters, "free").value_or(0) * size;
    page.gauge("RAM", 1 - share_of(free, ram), fmt::format("{} free of {}", human_size(free), human_size(ram)),
               Tone::bad);
  }
  if (info.swap_total_bytes == 0U) {
    page.fact("swap", "none");
  } else if (info.swap_total_bytes) {
    const auto free = info.swap_free_bytes.value_or(0);
    const auto share = 1 - share_of(free, *info.swap_total_bytes);
    page.gauge("swap", share, fmt::format("{} free of {}", human_size(free), human_size(*info.swap_total_bytes)),
               share > 0.95 ? Tone::bad : Tone::accent);
  }
}

void write_breakdown(Page& page, const Incident& incident) {
  const auto& parts = incident.analysis.breakdown;
  if (parts.empty()) {
    return;
  }
  page.heading(incident.scope == "memcg"                                     ? "What filled the limit"
               : incident.scope == "cpuset" || incident.scope == "mempolicy" ? "What filled the allowed nodes"
                                                                             : "What filled the RAM");
  // Small parts are summed up: the eye wants the large ones.
  std::vector<Part> rows;
  Part rest{.part = "the rest"};
  std::string smallest;
  std::size_t in_rest = 0;
  for (const auto& part : parts) {
    if (part.bytes == 0) {
      continue;
    }
    if (rows.size() < kPartsShown && (part.share >= 0.005 || rows.empty())) {
      rows.push_back(part);
    } else {
      rest.bytes += part.bytes;
      rest.share += part.share;
      smallest = part.part;
      ++in_rest;
    }
  }
  if (in_rest > 0) {
    rest.part = in_rest == 1 ? smallest : fmt::format("{} smaller parts", in_rest);
    rows.push_back(rest);
  }
  const std::size_t figures = 18;
  const auto label = std::min<std::size_t>(page.width() / 3, 27);
  const auto cells = std::min<std::size_t>(page.width() - label - figures - 2, 50);
  for (const auto& part : rows) {
    const bool calm = part.part == "free" || part.part == "unaccounted" || &part == &rows.back();
    page.line(fmt::format("  {}{} {:>9} {:>4} %", pad(fit(part_words(part.part), label - 1), label),
                          page.paint(calm ? Tone::dim : Tone::accent, bar(part.share, cells)), human_size(part.bytes),
                          part.share < 0.005 ? "<1" : std::to_string(percent(part.share))));
  }
  if (incident.analysis.unlisted) {
    page.paragraph(sentence(incident.analysis.unlisted->words), Tone::plain, 2);
  }
}

const Victim* find_victim(const Incident& incident, std::int64_t pid) {
  const auto found = std::ranges::find(incident.victims, pid, &Victim::pid);
  return found == incident.victims.end() ? nullptr : &*found;
}

// The victim that a row of the ranking is: itself, or its process when the row is a thread's.
const Victim* victim_of(const Incident& incident, const Ranked& ranked, const Task* task) {
  const auto* victim = find_victim(incident, ranked.pid);
  return victim == nullptr && task != nullptr && task->tgid ? find_victim(incident, *task->tgid) : victim;
}

Page::Row ranked_row(const Ranked& ranked, const Task* task, bool killed) {
  return {.cells = {std::to_string(ranked.pid), shown(ranked.comm), std::to_string(ranked.points),
                    task ? size_or_dash(task->rss_bytes) : "–", task ? size_or_dash(task->swap_bytes) : "–",
                    task && task->oom_score_adj ? std::to_string(*task->oom_score_adj) : "–",
                    killed            ? "killed"
                    : ranked.eligible ? ""
                                      : "exempt"},
          .tone = killed ? Tone::bad : Tone::plain};
}

Page::Row victim_row(const Victim& victim) {
  Count rss;
  if (victim.anon_rss_bytes) {
    rss = *victim.anon_rss_bytes + victim.file_rss_bytes.value_or(0) + victim.shmem_rss_bytes.value_or(0);
  }
  return {.cells = {std::to_string(victim.pid), shown(victim.comm.value_or("?")), "–", size_or_dash(rss), "–",
                    victim.oom_score_adj ? std::to_string(*victim.oom_score_adj) : "–", "killed"},
          .tone = Tone::bad};
}

// Rows of the table: the ranking's head and the victims; without a ranking (old kernels, no table) the victims as the
// kernel printed them.
std::vector<Page::Row> candidate_rows(const Incident& incident) {
  std::vector<Page::Row> rows;
  const auto& ranking = incident.analysis.ranking;
  for (std::size_t i = 0; i < ranking.size(); ++i) {
    const auto* task = find_task(incident, ranking[i].pid);
    const bool killed = victim_of(incident, ranking[i], task) != nullptr;
    const bool spared = !ranking[i].eligible && ranking[i].points > ranking.front().points;
    if (i < kCandidatesShown || killed || spared) {
      rows.push_back(ranked_row(ranking[i], task, killed));
    }
  }
  for (const auto& victim : incident.victims) {
    const bool listed =
        std::ranges::any_of(rows, [&](const Page::Row& row) { return row.cells[0] == std::to_string(victim.pid); });
    if (!listed && rows.size() <= 2 * kCandidatesShown) {
      rows.push_back(victim_row(victim));
    }
  }
  return rows;
}

void write_candidates(Page& page, const Incident& incident) {
  auto rows = candidate_rows(incident);
  if (rows.empty()) {
    return;
  }
  page.heading(incident.victims.empty()               ? "The largest processes"
               : incident.analysis.ranking.size() > 1 ? "Victim and runners-up"
                                                      : "Victim");
  page.table({{"pid", Align::right},
              {"process", Align::left, true},
              {"points", Align::right, false, 2},
              {"rss", Align::right},
              {"swap", Align::right, false, 1},
              {"adj", Align::right, false, 3},
              {""}},
             rows);
}

// Why this one, who would have been next, and who without oom_score_adj.
std::string choice_words(const Incident& incident) {
  const auto& analysis = incident.analysis;
  if (!analysis.victim_reason) {
    return "";
  }
  auto text = sentence(analysis.victim_reason->words);
  const auto& without = analysis.without_oom_score_adj;
  const auto& killed = incident.victims.front();
  if (without && analysis.victim_explained == true && without->pid != killed.pid && analysis.victim_rank == 1) {
    const auto* task = find_task(incident, without->pid);
    if (task == nullptr || task->tgid != killed.pid) {
      text += fmt::format(" Without oom_score_adj it would have been {}.",
                          shown(process_name(without->comm, without->pid)));
    }
  }
  if (analysis.bystander == true) {
    text += " It held little of what was used up: the kill alone mends nothing.";
  }
  return text;
}

std::string request_sentence(const Incident& incident) {
  const auto& analysis = incident.analysis;
  if (!incident.trigger.comm && !analysis.allocation_path) {
    return "";
  }
  auto text = fmt::format("{} asked for {}", process_name(incident.trigger.comm, incident.trigger.pid.value_or(0)),
                          analysis.request ? analysis.request->words : "memory");
  if (analysis.allocation_path) {
    text += fmt::format(": {}", allocation_path_words(*analysis.allocation_path));
  }
  return shown(text) + ".";
}

void write_why(Page& page, const Incident& incident) {
  if (!incident.victims.empty()) {
    page.heading("Why this process");
    page.paragraph(choice_words(incident), Tone::plain, 2);
  }
  const auto request = incident.manual ? "" : request_sentence(incident);
  const auto& why = incident.analysis.why_now;
  if (request.empty() && !why) {
    return;
  }
  page.heading("Why now");
  if (why) {
    page.paragraph(sentence(why->words), Tone::plain, 2);
  }
  if (!request.empty()) {
    page.paragraph(request, Tone::plain, 2);
  }
}

// " [log line 12]": where the reader finds it in the log.
std::string lines_words(const Diagnosis& finding) {
  if (finding.lines.empty()) {
    return "";
  }
  std::string words;
  std::uint64_t before = 0;
  constexpr std::size_t kNamed = 6;
  std::size_t named = 0;
  for (const auto& line : finding.lines) {
    if (line.line != before && named < kNamed) {
      words += fmt::format("{}{}", words.empty() ? "" : ", ", line.line);
      before = line.line;
      ++named;
    }
  }
  return fmt::format("log line{} {}", named == 1 ? "" : "s", words);
}

void write_findings(Page& page, const Incident& incident) {
  if (incident.diagnosis.empty()) {
    return;
  }
  page.heading("What to do");
  for (std::size_t i = 0; i < incident.diagnosis.size() && i < kFindingsShown; ++i) {
    const auto& finding = incident.diagnosis[i];
    page.bullet(fmt::format("{}.", i + 1),
                fmt::format("{} ({} % sure)", shown(finding.title), percent(finding.confidence)), 2, Tone::strong);
    for (const auto& evidence : finding.evidence) {
      page.bullet("·", shown(evidence), 5, Tone::dim);
    }
    if (const auto lines = lines_words(finding); i == 0 && !lines.empty()) {
      page.bullet("·", lines, 5, Tone::dim);
    }
    // The first finding with all its advice; the others with the first step, so that the page stays short.
    for (std::size_t j = 0; j < finding.advice.size() && (i == 0 || j == 0); ++j) {
      page.bullet("→", shown(finding.advice[j]), 5);
    }
    for (std::size_t j = 0; j < finding.will_not_help.size() && i == 0; ++j) {
      page.bullet("✗", "Will not help: " + uncapitalized(shown(finding.will_not_help[j])), 5);
    }
  }
  std::string also;
  for (std::size_t i = kFindingsShown; i < incident.diagnosis.size(); ++i) {
    also += fmt::format("{}{} ({} %)", also.empty() ? "Also: " : "; ", shown(incident.diagnosis[i].title),
                        percent(incident.diagnosis[i].confidence));
  }
  if (!also.empty()) {
    page.paragraph(also + ".", Tone::dim, 2);
  }
}

std::string_view missing_words(std::string_view section) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"trigger", "who asked for the memory"},  {"call_trace", "the call trace"},
      {"memory_info", "the machine's memory"},  {"cgroup_usage", "usage and limit"},
      {"cgroup_stat", "the cgroup's counters"}, {"tasks", "the task table"},
      {"constraint", "the oom-kill: summary"},  {"victim", "the victim"}};
  const auto* found = std::ranges::find(kWords, section, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kWords) ? section : found->second;
}

void write_gaps(Page& page, const Incident& incident) {
  std::string text;
  for (const auto& section : incident.missing) {
    text += fmt::format("{}{}", text.empty() ? "Not in the log: " : ", ", shown(missing_words(section)));
  }
  const auto add = [&](const std::string& more) { text += (text.empty() ? "" : "; ") + more; };
  if (incident.log.suppressed > 0) {
    add(fmt::format("the kernel left out {} to spare the log", counted(incident.log.suppressed, "report head")));
  }
  if (!incident.log.unrecognized.empty()) {
    add(fmt::format("{} inside the report {} not understood (see the JSON)",
                    counted(incident.log.unrecognized.size(), "line"),
                    incident.log.unrecognized.size() == 1 ? "was" : "were"));
  }
  if (!text.empty()) {
    page.line();
    page.paragraph(text + ".", Tone::dim);
  }
}

std::string when_words(const Time& time) {
  std::string when;
  if (time.realtime) {
    when = shown(*time.realtime);
  }
  if (time.monotonic_s) {
    when += fmt::format("{}{:.2f} s after boot", when.empty() ? "" : ", ", *time.monotonic_s);
  }
  if (time.host) {
    when += fmt::format("{}on {}", when.empty() ? "" : " ", shown(*time.host));
  }
  return when;
}

void write_cgroup(Page& page, const CgroupReport& report) {
  if (report.oom_memcg) {
    page.fact("cgroup", shown_path(*report.oom_memcg));
  }
  if (report.task_memcg && report.task_memcg != report.oom_memcg) {
    page.fact("victim in", shown_path(*report.task_memcg));
  }
  if (report.owner && report.owner->nested.size() > 1) {
    std::string nested;
    for (const auto& level : report.owner->nested) {
      nested += fmt::format("{}{}", nested.empty() ? "" : " > ", level.name);
    }
    page.fact("owner", shown(nested));
  }
  const auto gauge = [&](std::string_view label, const std::optional<Usage>& usage) {
    if (usage) {
      write_usage(page, label, *usage);
    }
  };
  gauge("limit", report.memory);
  gauge("swap", report.swap);
  gauge("mem+swap", report.memsw);
  if (report.kmem && report.kmem->usage_bytes.value_or(0) > 0) {
    gauge("kmem", report.kmem);
  }
}

}  // namespace

void write_incident_facts(Page& page, const Incident& incident) {
  if (const auto when = when_words(incident.time); !when.empty()) {
    page.fact("when", when);
  }
  if (incident.kernel.release) {
    page.fact("kernel", fmt::format("Linux {}{}", shown(*incident.kernel.release),
                                    incident.kernel.hardware ? " on " + shown(*incident.kernel.hardware) : ""));
  }
  if (incident.repeats > 1) {
    page.fact("repeats", fmt::format("{} reports like this one in a row", incident.repeats));
  }
  if (incident.cgroup) {
    write_cgroup(page, *incident.cgroup);
  }
  if (incident.memory_info && incident.scope != "memcg") {
    write_machine(page, incident);
  }
}

void write_incident_details(Page& page, const Incident& incident) {
  write_breakdown(page, incident);
  write_candidates(page, incident);
  write_why(page, incident);
  write_findings(page, incident);
  write_gaps(page, incident);
}

}  // namespace forensics

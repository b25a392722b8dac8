#include "forensics/words.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/allocation_path.h"
#include "forensics/badness.h"
#include "forensics/verdict.h"

namespace forensics {
namespace {

using base::human_size;

double share_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Fullness fullness_of(std::string_view label, const Usage& usage) {
  const auto used = human_size(*usage.usage_bytes);
  if (!usage.limit_bytes) {
    return {.label = label, .share = {}, .words = used + (usage.unlimited ? ", no limit" : "")};
  }
  if (*usage.limit_bytes == 0) {
    return {.label = label, .share = {}, .words = "none allowed (limit 0)"};
  }
  const auto refused = usage.failcnt.value_or(0) > 0 ? fmt::format(", hit {}", counted(*usage.failcnt, "time")) : "";
  return {.label = label,
          .share = share_of(*usage.usage_bytes, *usage.limit_bytes),
          .words = fmt::format("{} of {}{}", used, human_size(*usage.limit_bytes), refused)};
}

void add_machine(std::vector<Fullness>& list, const Incident& incident) {
  const auto& info = *incident.memory_info;
  const auto words = [](std::uint64_t free, std::uint64_t whole) {
    return fmt::format("{} free of {}", human_size(free), human_size(whole));
  };
  if (const auto ram = ram_bytes(incident)) {
    const auto free =
        cgroup::find(info.counters, "free").value_or(0) * incident.analysis.page_size_bytes.value_or(4096);
    list.push_back({.label = "RAM", .share = 1 - share_of(free, *ram), .words = words(free, *ram)});
  }
  if (info.swap_total_bytes == 0U) {
    list.push_back({.label = "swap", .share = {}, .words = "none"});
  } else if (info.swap_total_bytes) {
    const auto free = info.swap_free_bytes.value_or(0);
    list.push_back({.label = "swap",
                    .share = 1 - share_of(free, *info.swap_total_bytes),
                    .words = words(free, *info.swap_total_bytes)});
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

Contender of_victim(const Victim& victim) {
  Count rss;
  if (victim.anon_rss_bytes) {
    rss = *victim.anon_rss_bytes + victim.file_rss_bytes.value_or(0) + victim.shmem_rss_bytes.value_or(0);
  }
  return {.pid = victim.pid,
          .name = victim.comm.value_or("?"),
          .points = {},
          .oom_score_adj = victim.oom_score_adj,
          .rss_bytes = rss,
          .swap_bytes = {},
          .killed = true};
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

}  // namespace

std::string kind_words(const Incident& incident) {
  if (incident.kind == "no_victim") {
    return "Out of memory, nobody killed";
  }
  if (incident.kind == "panic") {
    return "Kernel panic";
  }
  if (incident.kind == "allocation_failure") {
    return "Allocation failure";
  }
  if (incident.kind == "userspace_kill") {
    return "Kill from user space";
  }
  return incident.kind == "oom_kill" ? "OOM kill" : "Incident (" + incident.kind + ")";  // a later version's kind
}

std::string clock_words(std::string_view realtime) {
  constexpr std::string_view kNoYear = "--";
  std::string clock(realtime.substr(realtime.starts_with(kNoYear) ? kNoYear.size() : 0));
  if (const auto at = clock.find('T'); clock.size() < realtime.size() && at != std::string::npos) {
    clock[at] = ' ';
  }
  return clock;
}

std::string when_words(const Time& time) {
  std::string when = time.realtime ? clock_words(*time.realtime) : "";
  if (time.realtime && when.size() < time.realtime->size()) {
    when += " (no year in the log)";
  }
  if (time.monotonic_s) {
    when += fmt::format("{}{:.2f} s after boot", when.empty() ? "" : ", ", *time.monotonic_s);
  }
  if (time.host) {
    when += fmt::format("{}on {}", when.empty() ? "" : " ", *time.host);
  }
  return when;
}

std::string kernel_words(const Kernel& kernel) {
  if (!kernel.release) {
    return "";
  }
  return fmt::format("Linux {}{}", *kernel.release, kernel.hardware ? " on " + *kernel.hardware : "");
}

std::string short_path(std::string_view path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kLongId = 40, kShortId = 12;
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find_first_not_of(kHex, at), path.size());
    const auto run = path.substr(at, std::max<std::size_t>(end - at, 1));
    out += run.size() >= kLongId ? std::string(run.substr(0, kShortId)) + "…" : std::string(run);
    at += run.size();
  }
  return out;
}

std::string sentence(std::string_view words) {
  std::string text(words);
  if (text.empty()) {
    return text;
  }
  if (text.front() >= 'a' && text.front() <= 'z') {
    text.front() = static_cast<char>(text.front() - 'a' + 'A');
  }
  return text + ".";
}

std::string headline(const Incident& incident) {
  constexpr std::string_view kNoNames[] = {"a ", "an ", "the ", "nobody "};
  const bool begins_with_name =
      std::ranges::none_of(kNoNames, [&](std::string_view word) { return incident.verdict.starts_with(word); });
  return begins_with_name && !incident.verdict.empty() ? incident.verdict + "." : sentence(incident.verdict);
}

std::string owner_words(const CgroupReport& report) {
  if (!report.owner) {
    return "";
  }
  const auto& owner = *report.owner;
  std::string words;
  if (owner.nested.size() > 1) {
    for (const auto& level : owner.nested) {
      words += (words.empty() ? "" : " > ") + level.name;
    }
  }
  const auto add = [&](std::string_view what, const Text& told) {
    if (told) {
      words += fmt::format("{}{}{}", words.empty() ? "" : ", ", what, *told);
    }
  };
  add("", owner.name);
  add("image ", owner.image);
  add("service ", owner.service);
  return words;
}

Count ram_bytes(const Incident& incident) {
  const auto& info = incident.memory_info;
  if (!info || !info->ram_pages) {
    return std::nullopt;
  }
  std::uint64_t parts = 0;
  for (const auto& part : incident.analysis.breakdown) {
    parts += part.bytes;
  }
  const auto pages = *info->ram_pages - std::min(*info->ram_pages, info->reserved_pages.value_or(0));
  return parts > 0 && incident.scope != "memcg" ? parts : pages * incident.analysis.page_size_bytes.value_or(4096);
}

std::string counted(std::uint64_t count, std::string_view noun) {
  const bool sibilant = noun.ends_with("ss");
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : sibilant ? "es" : "s");
}

std::vector<Fullness> fullness(const Incident& incident) {
  std::vector<Fullness> list;
  const auto add = [&](std::string_view label, const std::optional<Usage>& usage) {
    if (usage && usage->usage_bytes) {
      list.push_back(fullness_of(label, *usage));
    }
  };
  if (incident.cgroup) {
    const auto& report = *incident.cgroup;
    add("limit", report.memory);
    add("swap", report.swap);
    add("mem+swap", report.memsw);
    if (report.kmem && report.kmem->usage_bytes.value_or(0) > 0) {
      add("kmem", report.kmem);
    }
  }
  if (incident.memory_info && incident.scope != "memcg") {
    add_machine(list, incident);
  }
  return list;
}

std::string_view breakdown_title(const Incident& incident) {
  if (incident.scope == "memcg") {
    return "What filled the limit";
  }
  return incident.scope == "cpuset" || incident.scope == "mempolicy" ? "What filled the allowed nodes"
                                                                     : "What filled the RAM";
}

MainParts main_parts(const Incident& incident, std::size_t most, double smallest_share) {
  MainParts main;
  Part rest;
  std::size_t in_rest = 0;
  for (const auto& part : incident.analysis.breakdown) {
    if (part.bytes == 0) {
      continue;
    }
    if (main.parts.size() < most && (part.share >= smallest_share || main.parts.empty())) {
      main.parts.push_back(part);
    } else {
      rest.bytes += part.bytes;
      rest.share += part.share;
      rest.part = part.part;
      ++in_rest;
    }
  }
  if (in_rest > 0) {
    rest.part = in_rest == 1 ? rest.part : fmt::format("{} smaller parts", in_rest);
    main.parts.push_back(rest);
    main.has_rest = true;
  }
  return main;
}

std::vector<Contender> contenders(const Incident& incident, std::size_t most) {
  std::vector<Contender> rows;
  const auto& ranking = incident.analysis.ranking;
  for (std::size_t i = 0; i < ranking.size(); ++i) {
    const auto* task = find_task(incident, ranking[i].pid);
    const bool killed = victim_of(incident, ranking[i], task) != nullptr;
    const bool spared = !ranking[i].eligible && ranking[i].points > ranking.front().points;
    if (i < most || killed || spared) {
      rows.push_back({.pid = ranking[i].pid,
                      .name = ranking[i].comm,
                      .points = ranking[i].points,
                      .oom_score_adj = task != nullptr ? task->oom_score_adj : std::nullopt,
                      .rss_bytes = task != nullptr ? task->rss_bytes : std::nullopt,
                      .swap_bytes = task != nullptr ? task->swap_bytes : std::nullopt,
                      .killed = killed,
                      .exempt = !ranking[i].eligible});
    }
  }
  for (const auto& victim : incident.victims) {
    if (rows.size() <= 2 * most && std::ranges::find(rows, victim.pid, &Contender::pid) == rows.end()) {
      rows.push_back(of_victim(victim));
    }
  }
  return rows;
}

std::string_view contenders_title(const Incident& incident) {
  if (incident.victims.empty()) {
    return "The largest processes";
  }
  return incident.analysis.ranking.size() > 1 ? "Victim and runners-up" : "Victim";
}

std::string choice_sentence(const Incident& incident) {
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
      text += fmt::format(" Without oom_score_adj it would have been {}.", process_name(without->comm, without->pid));
    }
  }
  if (analysis.bystander == true) {
    text += " It held little of what was used up: the kill alone mends nothing.";
  }
  return text;
}

std::string why_now_sentence(const Incident& incident) {
  return incident.analysis.why_now ? sentence(incident.analysis.why_now->words) : "";
}

std::vector<std::string> before_sentences(const Incident& incident) {
  const auto& analysis = incident.analysis;
  std::vector<std::string> sentences;
  for (const auto& text : {why_now_sentence(incident), analysis.growth ? sentence(analysis.growth->words) : "",
                           analysis.thrashing ? sentence(analysis.thrashing->words) : ""}) {
    if (!text.empty()) {
      sentences.push_back(text);
    }
  }
  return sentences;
}

std::string will_not_help_words(std::string_view measure) {
  std::string text(measure);
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() > 1 && is_capital(text[0]) && !is_capital(text[1])) {
    text[0] = static_cast<char>(text[0] - 'A' + 'a');  // "RAM" stays
  }
  return "Will not help: " + text;
}

std::string lines_words(const Diagnosis& finding) {
  constexpr std::size_t kNamed = 6;
  std::vector<std::uint64_t> numbers;
  for (const auto& line : finding.lines) {
    if (numbers.size() < kNamed && (numbers.empty() || numbers.back() != line.line)) {
      numbers.push_back(line.line);
    }
  }
  return numbers.empty() ? "" : fmt::format("log line{} {}", numbers.size() == 1 ? "" : "s", fmt::join(numbers, ", "));
}

std::string request_sentence(const Incident& incident) {
  const auto& analysis = incident.analysis;
  if (incident.manual || (!incident.trigger.comm && !analysis.allocation_path)) {
    return "";
  }
  auto text = fmt::format("The last straw: {} asked for {}",
                          process_name(incident.trigger.comm, incident.trigger.pid.value_or(0)),
                          analysis.request ? analysis.request->words : "memory");
  if (analysis.allocation_path) {
    text += fmt::format(": {}", allocation_path_words(*analysis.allocation_path));
  }
  return text + ".";
}

std::string gaps_sentence(const Incident& incident) {
  std::string text;
  for (const auto& section : incident.missing) {
    text += fmt::format("{}{}", text.empty() ? "Not in the log: " : ", ", missing_words(section));
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
  return text.empty() ? "" : text + ".";
}

}  // namespace forensics

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/html/incident.h"
#include "forensics/owner.h"
#include "forensics/words.h"

// The five answers at the top, large enough to be read from afar.
namespace forensics::html {
namespace {

using base::human_size;

void open_answer(Page& page, std::string_view question, std::string_view answer) {
  page.put("<div class=\"answer\"><dt>{}</dt><dd><strong>{}</strong>", question, answer);
}

void close_answer(Page& page) {
  page.put("</dd></div>\n");
}

void write_who(Page& page, const Place& place) {
  const auto& incident = place.incident;
  if (incident.victims.empty()) {
    const bool cgroup = incident.kind == "userspace_kill" && incident.cgroup && incident.cgroup->task_memcg;
    open_answer(page, "Killed",
                incident.kind == "panic" ? "The kernel panicked"
                : cgroup                 ? cgroup_name(*incident.cgroup->task_memcg)
                : incident.kind == "oom_kill" || incident.kind == "userspace_kill" ? "Not in the log"
                                                                                   : "Nobody");
    place.proof.cite(page, place.proof.of({"panic", "no_victim", "already_exiting", "kill_from_user_space"}), 1);
  } else {
    const auto& first = incident.victims.front();
    open_answer(page, "Killed", first.comm.value_or("a process"));
    page.put("<span>pid {}", first.pid);
    if (first.uid) {
      page.put(", uid {}", *first.uid);
    }
    if (incident.victims.size() > 1) {
      page.put(", and {} with it", counted(incident.victims.size() - 1, "process"));
    }
    page.put("</span>");
    place.proof.cite(page, place.proof.kill(first.pid), 1);
  }
  close_answer(page);
}

void write_limit_of_machine(Page& page, const Place& place) {
  const auto& incident = place.incident;
  const auto ram = ram_bytes(incident);
  const std::string_view whose = incident.scope == "cpuset"      ? "of the memory nodes that its cpuset allows"
                                 : incident.scope == "mempolicy" ? "of the memory nodes that its NUMA policy allows"
                                 : incident.scope == "global"    ? "of the whole machine; no cgroup’s limit was hit"
                                 : incident.kind == "allocation_failure" ? "of the machine; nothing was killed"
                                                                         : "which limit it was is not in the log";
  open_answer(page, "Limit", ram ? human_size(*ram) + " RAM" : "The machine’s memory");
  page.put("<span>{}</span>", whose);
  auto lines = place.proof.of({"summary"});
  if (lines.empty()) {
    lines = place.proof.of({"memory_total"}, "pages RAM");
  }
  place.proof.cite(page, lines, 1);
  close_answer(page);
}

void write_limit_of_cgroup(Page& page, const Place& place) {
  const auto& report = place.incident.cgroup;
  const auto limit = report && report->memory ? report->memory->limit_bytes : std::nullopt;
  open_answer(page, "Limit", limit ? human_size(*limit) : "A cgroup’s");
  page.put("<span>of {}",
           report && report->oom_memcg ? cgroup_name(*report->oom_memcg) : "a cgroup that is not in the log");
  const auto& owner = place.incident.analysis.limit_owner;
  if (owner && owner->levels_above_victim.value_or(0) > 0) {
    page.put(", {} above the victim’s own", counted(static_cast<std::uint64_t>(*owner->levels_above_victim), "level"));
  }
  page.put("</span>");
  auto lines = place.proof.of({"memcg_usage"}, "memory: ");
  const auto summary = place.proof.of({"summary", "memcg_limit"});
  lines.insert(lines.end(), summary.begin(), summary.end());
  place.proof.cite(page, lines, 2);
  close_answer(page);
}

void write_limit(Page& page, const Place& place) {
  if (place.incident.kind == "userspace_kill") {
    open_answer(page, "Limit", "None of the kernel’s");
    page.put("<span>{} acted by a threshold of its own</span>", place.incident.killer);
    close_answer(page);
  } else if (place.incident.scope == "memcg") {
    write_limit_of_cgroup(page, place);
  } else {
    write_limit_of_machine(page, place);
  }
}

const Part* dominant_part(const Incident& incident) {
  if (incident.analysis.dominant) {
    return find_part(incident.analysis.breakdown, incident.analysis.dominant->part);
  }
  const Part* largest = nullptr;
  for (const auto& part : incident.analysis.breakdown) {
    const bool counts = part.part != "free" && part.part != "free_cma";
    if (counts && (largest == nullptr || part.bytes > largest->bytes)) {
      largest = &part;
    }
  }
  return largest;
}

void write_filled(Page& page, const Place& place) {
  const auto* part = dominant_part(place.incident);
  if (part == nullptr) {
    return;
  }
  open_answer(page, "Filled by", fmt::format("{} % {}", percent(part->share), part_words(part->part)));
  page.put("<span>{}</span>", human_size(part->bytes));
  place.proof.cite(
      page, place.incident.scope == "memcg" ? place.proof.of({"memcg_stats"}) : place.proof.of({"page_counters"}), 1);
  close_answer(page);
}

std::string why_headline(const Incident& incident) {
  const auto& analysis = incident.analysis;
  const auto& role = incident.victims.front().role;
  if (role == "allocating") {
    return "It asked for memory";
  }
  if (role == "child") {
    return "A child of the largest";
  }
  if (incident.killer != "kernel") {
    return "Chosen by " + incident.killer;
  }
  if (!analysis.victim_rank) {
    return "Not recomputable";
  }
  return *analysis.victim_rank == 1 || analysis.victim_explained.value_or(false)
             ? "Highest badness"
             : fmt::format("Rank {} of badness", *analysis.victim_rank);
}

void write_why(Page& page, const Place& place) {
  const auto& incident = place.incident;
  if (incident.victims.empty()) {
    return;
  }
  open_answer(page, "Why this process", why_headline(incident));
  const auto& analysis = incident.analysis;
  if (!analysis.ranking.empty() && analysis.victim_rank == 1) {
    page.put("<span>{} points", analysis.ranking.front().points);
    if (analysis.ranking.size() > 1) {
      page.put(", the next has {}", analysis.ranking[1].points);
    }
    page.put("</span>");
  }
  place.proof.cite(page, place.proof.row(incident.victims.front().pid), 1);
  close_answer(page);
}

void write_first_step(Page& page, const Place& place) {
  for (const auto& finding : place.incident.diagnosis) {
    if (!finding.advice.empty()) {
      page.put("<div class=\"answer first-step\"><dt>Do first</dt><dd><strong>{}</strong><span>", finding.title);
      page.prose(finding.advice.front());
      page.put("</span></dd></div>\n");
      return;
    }
  }
}

}  // namespace

void write_answers(Page& page, const Place& place) {
  page.put("<dl class=\"answers\">\n");
  write_who(page, place);
  write_limit(page, place);
  write_filled(page, place);
  write_why(page, place);
  write_first_step(page, place);
  page.put("</dl>\n");
}

}  // namespace forensics::html

#include "cli/watch/summary.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/owner.h"
#include "forensics/text_page.h"
#include "forensics/verdict.h"
#include "forensics/words.h"

namespace cli::watch {
namespace {

using forensics::Incident;

std::string limit_words(const Incident& incident) {
  if (incident.scope != "memcg") {
    return incident.scope == "unknown" ? "?" : "the machine's";
  }
  const auto& report = incident.cgroup;
  if (!report || !report->memory || !report->memory->limit_bytes) {
    return "?";
  }
  auto words = base::human_size(*report->memory->limit_bytes);
  if (report->swap && report->swap->limit_bytes.value_or(0) > 0) {
    words += fmt::format(" + {} swap", base::human_size(*report->swap->limit_bytes));
  }
  const auto& owner = incident.analysis.limit_owner;
  return owner && owner->levels_above_victim.value_or(0) > 0 ? words + " (above)" : words;
}

std::string filled_words(const Incident& incident) {
  const forensics::Part* largest = nullptr;
  for (const auto& part : incident.analysis.breakdown) {
    if (!part.part.starts_with("free") && (largest == nullptr || part.bytes > largest->bytes)) {
      largest = &part;
    }
  }
  return largest == nullptr ? "?" : fmt::format("{:.0f} % {}", largest->share * 100, largest->part);
}

std::string victim_words(const Incident& incident) {
  if (incident.victims.empty()) {
    return incident.kind == "oom_kill" ? (incident.repeats > 1 ? fmt::format("? × {}", incident.repeats) : "?")
                                       : "nobody";
  }
  const auto& first = incident.victims.front();
  auto words = forensics::process_name(first.comm, first.pid);
  return incident.victims.size() > 1 ? words + fmt::format(" + {}", incident.victims.size() - 1) : words;
}

// What the container's engine calls it.
std::optional<std::string> told_name(const Incident& incident) {
  if (!incident.cgroup || !incident.cgroup->owner) {
    return std::nullopt;
  }
  const auto& owner = *incident.cgroup->owner;
  return owner.service ? owner.service : owner.name;
}

std::optional<std::string> path_of(const Incident& incident) {
  if (!incident.cgroup) {
    return std::nullopt;
  }
  return incident.cgroup->task_memcg ? incident.cgroup->task_memcg : incident.cgroup->oom_memcg;
}

// "14:04:05" of "2025-11-26T14:04:05.123Z".
std::string time_of_day(const std::string& realtime) {
  constexpr std::size_t kDate = 11, kTime = 8;
  return realtime.size() >= kDate + kTime ? realtime.substr(kDate, kTime) : realtime;
}

std::uint64_t processes_of(const Incident& incident) {
  return incident.victims.empty() && incident.kind == "oom_kill" ? incident.repeats : incident.analysis.processes;
}

}  // namespace

std::string whose(const Incident& incident) {
  const auto told = told_name(incident);
  const auto path = path_of(incident);
  return told ? *told : path ? forensics::cgroup_name(*path) : "";
}

std::string short_name(const Incident& incident) {
  const auto told = told_name(incident);
  const auto path = path_of(incident);
  if (told || !path) {
    return told.value_or("");
  }
  const auto& owner = incident.cgroup->owner;
  constexpr std::size_t kShortId = 12;  // as docker ps shows it
  return owner && owner->container_id ? owner->container_id->substr(0, kShortId) : path->substr(path->rfind('/') + 1);
}

std::string sentence(const Incident& incident) {
  const auto group = whose(incident);
  return group.empty() ? incident.verdict : fmt::format("{}: {}", group, incident.verdict);
}

void Summary::add(const forensics::Postmortem& document, const std::string& file) {
  for (const auto& incident : document.incidents) {
    ++incidents_;
    processes_ += processes_of(incident);
    rows_.push_back({.when = time_of_day(incident.time.realtime.value_or("")),
                     .whose = whose(incident),
                     .victim = victim_words(incident),
                     .limit = limit_words(incident),
                     .filled = filled_words(incident),
                     .file = file});
    if (rows_.size() > kMost) {
      rows_.pop_front();
    }
  }
}

void Summary::rename(const std::string& file, const std::string& now) {
  if (const auto found = std::ranges::find(rows_, file, &Row::file); found != rows_.end()) {
    found->file = now;
  }
}

std::string Summary::text(std::optional<std::uint64_t> vmstat, const forensics::RenderOptions& options) const {
  forensics::Page page(options);
  if (incidents_ == 0) {
    page.paragraph("No OOM kill was seen.");
  } else {
    page.paragraph(fmt::format("{}, {} killed.", forensics::counted(incidents_, "incident"),
                               forensics::counted(processes_, "process")),
                   forensics::Tone::strong);
    page.line();
    std::vector<forensics::Page::Row> rows;
    rows.reserve(rows_.size());
    for (const auto& row : rows_) {
      rows.push_back({.cells = {row.when, row.whose, row.victim, row.limit, row.filled, row.file}});
    }
    page.table({{.title = "UTC", .droppable = 2},
                {.title = "whose", .flexible = true},
                {.title = "killed", .flexible = true},
                {.title = "limit"},
                {.title = "filled by", .droppable = 3},
                {.title = "post-mortem", .droppable = 1}},
               rows);
  }
  if (incidents_ > rows_.size()) {
    page.line(fmt::format("and {} before them", incidents_ - rows_.size()));
  }
  if (known_ > 0) {
    page.line(fmt::format("{} more had a post-mortem already.", forensics::counted(known_, "kill")));
  }
  if (vmstat) {
    page.line(
        fmt::format("The kernel counts {} on the whole machine in that time (oom_kill of /proc/vmstat; a group kill "
                    "counts one twice).",
                    forensics::counted(*vmstat, "kill")));
  }
  return std::move(page).finish();
}

}  // namespace cli::watch

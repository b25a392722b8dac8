#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/html/incident.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

struct Column {
  std::string_view title;
  Count (*bytes)(const Task& task);
};

constexpr Column kColumns[] = {
    {"rss", [](const Task& task) { return task.rss_bytes; }},
    {"anon", [](const Task& task) { return task.rss_anon_bytes; }},
    {"file", [](const Task& task) { return task.rss_file_bytes; }},
    {"shmem", [](const Task& task) { return task.rss_shmem_bytes; }},
    {"swap", [](const Task& task) { return task.swap_bytes; }},
    {"page tables", [](const Task& task) { return task.pgtables_bytes; }},
    {"virtual", [](const Task& task) { return task.total_vm_bytes; }},
};

// Columns that the kernel printed.
std::vector<Column> columns_of(const std::vector<Task>& tasks) {
  std::vector<Column> found;
  for (const auto& column : kColumns) {
    if (std::ranges::any_of(tasks, [&](const Task& task) { return column.bytes(task).has_value(); })) {
      found.push_back(column);
    }
  }
  return found;
}

std::uint64_t held(const Task& task) {
  return task.rss_bytes.value_or(0) + task.swap_bytes.value_or(0);
}

std::vector<const Task*> largest_first(const std::vector<Task>& tasks) {
  std::vector<const Task*> sorted;
  sorted.reserve(tasks.size());
  for (const auto& task : tasks) {
    sorted.push_back(&task);
  }
  std::ranges::stable_sort(sorted, std::greater{}, [](const Task* task) { return held(*task); });
  return sorted;
}

bool was_killed(const Incident& incident, const Task& task) {
  return std::ranges::any_of(incident.victims,
                             [&](const Victim& victim) { return victim.pid == task.pid || victim.pid == task.tgid; });
}

void write_row(Page& page, const Incident& incident, const Task& task, const std::vector<Column>& columns) {
  const bool killed = was_killed(incident, task);
  page.put(R"(<tr class="{}"><td class="n">{}</td><th scope="row">{}{}</th><td class="n">{}</td>)",
           killed ? "killed" : "", task.pid, task.comm, killed ? " ✕" : "", task.uid ? std::to_string(*task.uid) : "–");
  for (const auto& column : columns) {
    const auto bytes = column.bytes(task);
    page.put(R"(<td class="n" data-v="{}">{}</td>)", bytes.value_or(0), bytes ? base::human_size(*bytes) : "–");
  }
  page.put("<td class=\"n\">{}</td></tr>\n", task.oom_score_adj ? std::to_string(*task.oom_score_adj) : "–");
}

void write_table(Page& page, const Incident& incident, std::span<const Task* const> tasks,
                 const std::vector<Column>& columns) {
  page.put(
      "<div class=\"scroll\" role=\"region\" aria-label=\"All processes\" tabindex=\"0\"><table "
      "data-sort><caption>Processes "
      "in the report, those that hold most first; ✕: killed</caption>\n<thead><tr><th scope=\"col\" "
      "class=\"n\">pid</th><th "
      "scope=\"col\">process</th><th scope=\"col\" class=\"n\">uid</th>");
  for (const auto& column : columns) {
    page.put(R"(<th scope="col" class="n">{}</th>)", column.title);
  }
  page.put("<th scope=\"col\" class=\"n\">oom_score_adj</th></tr></thead><tbody>\n");
  for (const auto* task : tasks) {
    write_row(page, incident, *task, columns);
  }
  page.put("</tbody></table></div>\n");
}

// Where a page would hold too many cells: the same figures as lines of text.
void write_lines(Page& page, std::span<const Task* const> tasks, const std::vector<Column>& columns) {
  page.put(
      "<p class=\"note\">Further {} as lines of text, in the same order:</p>\n<div class=\"lines\" role=\"region\" "
      "aria-label=\"Further processes\" tabindex=\"0\"><pre>{}",
      counted(tasks.size(), "process"), fmt::format("{:>10}", "pid"));
  for (const auto& column : columns) {
    page.put("{}", fmt::format(" {:>12}", column.title));
  }
  page.put("    adj process\n");
  for (const auto* task : tasks) {
    auto line = fmt::format("{:>10}", task->pid);
    for (const auto& column : columns) {
      const auto bytes = column.bytes(*task);
      line += fmt::format(" {:>12}", bytes ? base::human_size(*bytes) : "-");
    }
    page.put("{}\n", fmt::format("{} {:>6} {}", line, task->oom_score_adj.value_or(0), task->comm));
  }
  page.put("</pre></div>\n");
}

}  // namespace

void write_tasks(Page& page, const Place& place) {
  const auto& tasks = place.incident.tasks;
  if (tasks.empty()) {
    return;
  }
  constexpr std::size_t kOpen = 25;  // a short table needs no click
  open_section(page, place.level, "Processes");
  const auto columns = columns_of(tasks);
  const auto sorted = largest_first(tasks);
  const auto cells = std::min(place.task_rows, sorted.size());
  if (tasks.size() <= kOpen) {
    page.put("<details open>");
  } else {
    page.put("<details>");
  }
  page.put("<summary>All {} of the report</summary>\n", counted(tasks.size(), "process"));
  write_table(page, place.incident, std::span(sorted).first(cells), columns);
  if (cells < sorted.size()) {
    write_lines(page, std::span(sorted).subspan(cells), columns);
  }
  page.put("</details>\n");
  close_section(page);
}

}  // namespace forensics::html

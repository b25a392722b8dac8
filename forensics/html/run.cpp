#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/html/charts.h"
#include "forensics/html/incident.h"
#include "forensics/run_words.h"

namespace forensics::html {
namespace {

void write_fact(Page& page, std::string_view label, std::string_view words) {
  if (!words.empty()) {
    page.put("<div><dt>{}</dt><dd>{}</dd></div>\n", label, words);
  }
}

std::string pressure_words(const RunMemory& memory) {
  if (!memory.pressure_some_total_s) {
    return "";
  }
  return fmt::format("{} some, {} full (PSI)", base::human_duration(*memory.pressure_some_total_s),
                     memory.pressure_full_total_s ? base::human_duration(*memory.pressure_full_total_s) : "?");
}

void write_console(Page& page, const Run& run) {
  if (!run.vm || run.vm->console_tail.empty()) {
    return;
  }
  page.put(
      "<details><summary>The guest’s console at the end</summary><div class=\"lines\" role=\"region\" "
      "aria-label=\"Console\" tabindex=\"0\"><pre>");
  for (const auto& line : run.vm->console_tail) {
    page.put("{}\n", line);
  }
  page.put("</pre></div></details>\n");
}

}  // namespace

void write_run(Page& page, const Postmortem& document, unsigned level) {
  const auto& run = *document.run;
  open_section(page, level, "The run");
  page.put("<dl class=\"facts\">\n");
  write_fact(page, "Command", command_words(run));
  write_fact(page, "Backend", backend_words(run));
  write_fact(page, "Limits", limits_words(run.limits));
  write_fact(page, "Outcome", outcome_words(run));
  write_fact(page, "Expected", run.expectation ? expectation_words(*run.expectation) : "");
  write_fact(page, "Peak", run.memory.peak_bytes ? base::human_size(*run.memory.peak_bytes) : "");
  write_fact(page, "Swap peak",
             run.memory.swap_peak_bytes.value_or(0) > 0 ? base::human_size(*run.memory.swap_peak_bytes) : "");
  write_fact(page, "memory.events", run.memory.events ? events_words(*run.memory.events) : "");
  write_fact(page, "Stalled", pressure_words(run.memory));
  page.put("</dl>\n");
  write_timeline(page, document);
  write_console(page, run);
  close_section(page);
}

}  // namespace forensics::html

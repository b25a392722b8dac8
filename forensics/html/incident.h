#pragma once

#include <cstddef>

#include "forensics/document.h"
#include "forensics/html/page.h"
#include "forensics/html/proof.h"

namespace forensics::html {

// Where an incident stands in its page.
struct Place {
  const Postmortem& document;
  const Incident& incident;
  Proof& proof;
  unsigned level;         // of its headings below its own
  std::size_t task_rows;  // that may be cells; further tasks are lines of text
};

// A section with a heading; ids are number and name, so that links from outside stay.
void open_section(Page& page, unsigned level, std::string_view title);
void close_section(Page& page);

// The answers: who, whose limit, what filled it, why this process, what to do first.
void write_answers(Page& page, const Place& place);

// Candidates by badness, the choice, the request and the zones.
void write_victims(Page& page, const Place& place);
void write_request(Page& page, const Place& place);

// The diagnosis: findings with evidence, advice and what will not help.
void write_findings(Page& page, const Place& place);

// All tasks of the report.
void write_tasks(Page& page, const Place& place);

// All of it, the lines of the log last.
void write_incident(Page& page, const Place& place);

// How the run ended, its limits and its timeline.
void write_run(Page& page, const Postmortem& document, unsigned level);

}  // namespace forensics::html

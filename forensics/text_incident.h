#pragma once

#include "forensics/document.h"
#include "forensics/text_page.h"

// The sections of the text report.
namespace forensics {

// When, which kernel, the limit and swap as gauges.
void write_incident_facts(Page& page, const Incident& incident);

// What filled it, the victim and the runners-up, why this process, what to do, what the log does not hold.
void write_incident_details(Page& page, const Incident& incident);

// Outcome, limits, peak, events, pressure and the timeline of a run.
void write_run(Page& page, const Run& run);

// The table of what a workload has seen, alone; empty when it has seen nothing.
std::string observations_text(const Run& run, const RenderOptions& options);

// One sentence for a run without an incident.
std::string run_sentence(const Run& run);

}  // namespace forensics

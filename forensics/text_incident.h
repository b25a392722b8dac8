#pragma once

#include <string>
#include <string_view>

#include "forensics/document.h"
#include "forensics/text_page.h"

// The sections of the text report.
namespace forensics {

// "OOM kill 2 of 3: a.out (pid 3652) was killed because ..."; number as " 2 of 3" or empty.
void write_headline(Page& page, const Incident& incident, std::string_view number = {});

// When, which kernel, the limit and swap as gauges.
void write_incident_facts(Page& page, const Incident& incident);

// What filled it, the victim and the runners-up, why this process, what to do, what the log does not hold.
void write_incident_details(Page& page, const Incident& incident);

// Outcome, limits, peak, events, pressure and the timeline of a run.
void write_run(Page& page, const Run& run);

// All of an incident, or of a run, as lines for a box of another format.
std::string incident_text(const Incident& incident);
std::string run_text(const Run& run);
// The table of what a workload has seen, alone; empty when it has seen nothing.
std::string observations_text(const Run& run, const RenderOptions& options);

}  // namespace forensics

#pragma once

#include "forensics/document.h"
#include "forensics/html/page.h"
#include "forensics/html/proof.h"

// Figures of the page: inline SVG that takes the width it gets, each with its content as text or table beside it.
namespace forensics::html {

// What filled the limit, or the RAM, as one bar of disjoint parts against the line of the limit, with its legend.
void write_composition(Page& page, const Incident& incident, Proof& proof);

// Limit, swap, RAM: how full each was.
void write_gauges(Page& page, const Incident& incident, Proof& proof);

// Zones of a machine: free memory against the watermarks.
void write_zones(Page& page, const Incident& incident, Proof& proof);

// Memory, pressure and kills of a run over its time.
void write_timeline(Page& page, const Postmortem& document);

// Kills of a log over its time, a row for each name.
void write_kills(Page& page, const Postmortem& document);

// A horizontal bar of a share, 0 to 1; decoration beside a figure that says the same.
void write_bar(Page& page, double share, bool strong);

}  // namespace forensics::html

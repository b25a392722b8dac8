#pragma once

#include <string>

#include "forensics/document.h"

// Documents that the tests of this folder share.
namespace forensics::tests {

// Every member of every object holds something other than its default.
Postmortem full_document();

// Incidents and a run that state almost nothing.
Postmortem sparse_document();

// The report of corpus log 000: a.out in a docker container of 6 MiB and 6 MiB swap, cgroup v2, 5.15. Not explained
// yet.
Incident docker_6mib();

// `stress anon --memory-max 64M`: a run with a rising timeline and its kill, explained.
Postmortem stress_run();

// A global kill on a machine of 1 GiB without swap, 6.1, explained.
Incident global_no_swap();

}  // namespace forensics::tests

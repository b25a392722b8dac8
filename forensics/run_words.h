#pragma once

#include <string>
#include <vector>

#include "forensics/document.h"

// What a run and a whole document say in words, for every renderer; raw bytes as in words.h.
namespace forensics {

// "python3 -c '...'" as a shell takes it, "workload anon --size 128M".
std::string command_words(const Run& run);
// "host, Linux 6.12.9".
std::string backend_words(const Run& run);
// "memory.max 64 MiB, memory.swap.max 0 B"; "none".
std::string limits_words(const RunLimits& limits);
// The events that happened: "max 84, oom 1"; "none".
std::string events_words(const cgroup::MemoryEvents& events);
// "oom_killed, SIGKILL, 1 process killed (seen in memory.events, wait_status), after 1.34 s".
std::string outcome_words(const Run& run);
// "oom: met, an OOM kill was expected".
std::string expectation_words(const Expectation& expectation);
// One sentence for a run: how it ended, when, its peak.
std::string run_sentence(const Run& run);

// "No OOM kill found in 1235 lines; what was seen: syslog."
std::string nothing_found_sentence(const Postmortem& document);
// "3 incidents in 62 lines, 3 processes killed: a.out × 2, java."
std::string overview_sentence(const Postmortem& document);
// The stories that the incidents make: "Crash loop (incidents 1, 2, 3): ...".
std::vector<std::string> story_sentences(const Postmortem& document);
// Kills in the log against the kernel's counters; of a run only where they differ.
std::vector<std::string> reconciliation_sentences(const Postmortem& document);
// "kern.log:12: records were lost".
std::string warning_words(const Postmortem& document, const Warning& warning);

}  // namespace forensics

#pragma once

#include "forensics/document.h"

namespace forensics {

inline constexpr double kNoticeableShmem = 0.25;  // share from which the rules about shared memory speak

// Whether some listed process has most of the shared memory mapped, or the allocation that failed was for it.
bool shmem_has_owner(const Incident& incident);

// What the rules about shared memory have in common: figures and lines.
void add_shmem_evidence(const Incident& incident, Diagnosis& found);

}  // namespace forensics

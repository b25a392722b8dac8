#pragma once

#include "forensics/document.h"

namespace forensics {

// What the kernel objects mostly are that fill a noticeable part (a quarter): names of files, inodes, or others. Told
// by the largest caches where the report lists them, by what the allocation was for that failed, and by whether they
// can be reclaimed.
enum class SlabKind { none, dentry, inode, other };
SlabKind slab_kind(const Incident& incident);

// What the rules about slab share: how sure, figures, caches and lines.
double slab_confidence(const Incident& incident);
void add_slab_evidence(const Incident& incident, Diagnosis& found);

}  // namespace forensics

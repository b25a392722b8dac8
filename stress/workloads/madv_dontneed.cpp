// MADV_DONTNEED: the pages are gone at once.
#include <sys/mman.h>

#include "stress/giving_back.h"

namespace stress::workloads {
namespace {

base::Result<> run_madv_dontneed(Context& context) {
  return fill_and_give_back(context, MADV_DONTNEED);
}

}  // namespace

extern const Workload madv_dontneed;
constinit const Workload madv_dontneed{
    .summary = "gives anonymous memory back by MADV_DONTNEED, which takes effect at once",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "Rss and anon fall at once, and pglazyfree stays 0",
    .source = "madvise(2); to be compared with madv-free",
    .example = "oomlab stress madv-dontneed --memory-max 48M --size 24M --pressure 32M",
    .parameters = kGivingBack,
    .run = run_madv_dontneed,
};

}  // namespace stress::workloads

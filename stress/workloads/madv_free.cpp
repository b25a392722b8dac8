// MADV_FREE: the kernel may take the pages, and does when it has to. Until then they are in RSS as before.
#include <sys/mman.h>

#include "stress/giving_back.h"

namespace stress::workloads {
namespace {

base::Result<> run_madv_free(Context& context) {
  return fill_and_give_back(context, MADV_FREE);
}

}  // namespace

extern const Workload madv_free;
constinit const Workload madv_free{
    .summary = "gives anonymous memory back by MADV_FREE, which takes effect under pressure only",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen =
        "Rss stays after the advice (LazyFree, pglazyfree); with --pressure up to the limit pglazyfreed rises and "
        "nobody "
        "is killed",
    .source = "madvise(2); Go 1.12 to 1.15 and jemalloc used it, and RSS looked like a leak",
    .example = "oomlab stress madv-free --memory-max 48M --size 24M --pressure 32M",
    .parameters = kGivingBack,
    .run = run_madv_free,
};

}  // namespace stress::workloads

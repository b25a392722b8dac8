// Huge pages. A fill that touches a byte of each does not end in a kill: at the limit the huge charge fails and the
// fault falls back to one small page, so the range stays sparse. populate() asks for every small page of it.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

base::Result<> run_anon_thp(Context& context) {
  return fill_anonymous(context, "anon_thp", AnonymousPool::Pages::huge);
}

}  // namespace

extern const Workload anon_thp;
constinit const Workload anon_thp{
    .summary = "fills with anonymous memory in transparent huge pages",
    .group = Group::kernel,
    .counter = "anon_thp",
    .kind = "thp",
    .seen = "anon_thp is nearly all of anon; the last part before the kill is small pages",
    .needs = "transparent huge pages (always or madvise)",
    .source = "Documentation/admin-guide/mm/transhuge.rst; MADV_HUGEPAGE, madvise(2)",
    .example = "oomlab stress anon-thp --memory-max 64M",
    .parameters = kAnonymousGrowth,
    .run = run_anon_thp,
};

}  // namespace stress::workloads

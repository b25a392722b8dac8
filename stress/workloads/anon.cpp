// Anonymous memory, page by page: what a leaking program does, as fast as the kernel hands out pages or along a
// profile.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

base::Result<> run_anon(Context& context) {
  return fill_anonymous(context);
}

}  // namespace

extern const Workload anon;
constinit const Workload anon{
    .summary = "fills with anonymous pages of 4 KiB, as a leaking program does",
    .group = Group::kernel,
    .counter = "anon",
    .kind = "anon",
    .seen = "anon follows the fill to the page; anon_thp stays 0; the victim's anon-rss is near the limit",
    .source = "MADV_POPULATE_WRITE in chunks, madvise(2)",
    .example = "oomlab stress anon --memory-max 64M --rate 20M/s",
    .parameters = kAnonymousGrowth,
    .run = run_anon,
};

}  // namespace stress::workloads

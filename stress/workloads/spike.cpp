// Up, and down again.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

constexpr auto kParameters = with_default(
    with_default(with_default(with_default(kAnonymousGrowth, "shape", "burst"), "size", "32M"), "repeat", "1"), "hold",
    "500ms");

base::Result<> run_spike(Context& context) {
  return fill_anonymous(context);
}

}  // namespace

extern const Workload spike;
constinit const Workload spike{
    .summary = "one burst of anonymous memory, given back at once",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "the timeline rises and falls once; the peak is the size, the end is where it began",
    .source = "start-up spikes that set a limit, kube-state-metrics#958",
    .example = "oomlab stress spike --memory-max 64M --size 48M",
    .parameters = kParameters,
    .run = run_spike,
};

}  // namespace stress::workloads

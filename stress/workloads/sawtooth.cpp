// Growth that is given back each time: batches, or a collector that works.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

constexpr auto kParameters =
    with_default(with_default(with_default(kAnonymousGrowth, "shape", "sawtooth"), "size", "32M"), "chunk", "1M");

base::Result<> run_sawtooth(Context& context) {
  return fill_anonymous(context);
}

}  // namespace

extern const Workload sawtooth;
constinit const Workload sawtooth{
    .summary = "grows and gives all back, again and again",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "the timeline rises slowly and falls at once, as often as --repeat says; no trend",
    .source = "batch jobs and garbage collectors, as the timeline of a container shows them",
    .example = "oomlab stress sawtooth --memory-max 64M --period 2s --repeat 5",
    .parameters = kParameters,
    .run = run_sawtooth,
};

}  // namespace stress::workloads

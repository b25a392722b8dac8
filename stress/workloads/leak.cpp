// Slowly, unevenly, for ever.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

constexpr auto kParameters =
    with_default(with_default(with_default(kAnonymousGrowth, "shape", "leak"), "rate", "16M"), "chunk", "256K");

base::Result<> run_leak(Context& context) {
  return fill_anonymous(context);
}

}  // namespace

extern const Workload leak;
constinit const Workload leak{
    .summary = "leaks anonymous memory at a rate with noise that follows from the seed",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "the timeline is a straight line with noise, up to the kill",
    .source = "memory leaks in services, as the timeline of a container shows them",
    .example = "oomlab stress leak --memory-max 64M --rate 8M/s --noise 40 --seed 7",
    .parameters = kParameters,
    .run = run_leak,
};

}  // namespace stress::workloads

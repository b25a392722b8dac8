// Growth in steps that stay: caches that are filled request by request, and never emptied.
#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

constexpr auto kParameters = with_default(
    with_default(with_default(with_default(kAnonymousGrowth, "shape", "steps"), "size", "32M"), "period", "500ms"),
    "hold", "500ms");

base::Result<> run_staircase(Context& context) {
  return fill_anonymous(context);
}

}  // namespace

extern const Workload staircase;
constinit const Workload staircase{
    .summary = "grows in equal steps that stay",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "the timeline has as many level parts as --steps says, each higher than the last",
    .source = "caches and pools that only grow, as the timeline of a container shows them",
    .example = "oomlab stress staircase --memory-max 64M --steps 6 --period 1s",
    .parameters = kParameters,
    .run = run_staircase,
};

}  // namespace stress::workloads

// One door to all kinds: `fill --kind K --size N` is the workload of that kind, and not getting to N is an error.
#include <map>

#include <fmt/format.h>

#include "stress/anonymous.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"kind", ParameterKind::choice, "anon", "what to fill",
              "anon|thp|mlock|shmem|cache|dirty|dentry|slab|sock|pipe|pagetables|kstack|percpu|vmalloc|swap"},
};
constexpr auto kParameters = join(kOwn, kGrowth, kContents);

const base::Descriptor<Workload>* workload_of(const Parameters& parameters) {
  const auto kind = parameters.text("kind");
  for (const auto& workload : all_workloads()) {
    if (workload->kind == kind) {
      return &workload;
    }
  }
  return nullptr;
}

// What both have: a default of the other that is not given here is its own.
base::Result<Parameters> translate(const Parameters& ours, const Workload& other) {
  std::map<std::string, std::string> given;
  for (const auto& parameter : other.parameters) {
    if (ours.has(parameter.name)) {
      given.emplace(parameter.name, ours.text(parameter.name));
    }
  }
  return Parameters::check(other.parameters, given);
}

base::Result<Context> context_of(const Context& context, const Workload& other) {
  Context translated = context;
  TRY_ASSIGN(translated.parameters, translate(context.parameters, other));
  translated.must_reach = true;
  return translated;
}

base::Result<> probe_fill(const Context& context) {
  const auto& other = *workload_of(context.parameters)->value;
  if (other.probe == nullptr) {
    return {};
  }
  TRY_ASSIGN(const auto translated, context_of(context, other));
  return other.probe(translated);
}

base::Result<> run_fill(Context& context) {
  const auto& other = *workload_of(context.parameters)->value;
  TRY_ASSIGN(auto translated, context_of(context, other));
  return other.run(translated);
}

}  // namespace

extern const Workload fill;
constinit const Workload fill{
    .summary = "fills with one kind of memory to a size as memory.stat counts it, whatever the kind",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "the counter of the kind is within 3 % (or one unit) of --size when the hold begins",
    .needs = "what the kind needs: `oomlab list NAME` of its workload says it",
    .source = "the workloads themselves: each kind is one of them",
    .example = "oomlab stress fill --kind sock --size 32M --memory-max 64M --hold 5s",
    .parameters = kParameters,
    .stands_for = workload_of,
    .probe = probe_fill,
    .run = run_fill,
};

}  // namespace stress::workloads

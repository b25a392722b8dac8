#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {
std::optional<Diagnosis> apply(const Incident&, const Run*) {
  return std::nullopt;
}
Incident example() {
  return {};
}
}  // namespace
constinit extern const Rule anon_growth{
    .summary = "processes' own memory filled the limit", .apply = apply, .example = example};
}  // namespace forensics::rules

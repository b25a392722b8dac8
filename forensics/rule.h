#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/descriptor.h"
#include "forensics/document.h"

namespace forensics {

// A diagnosis rule: one file under rules/. Independent of all others; order never matters.
struct Rule {
  std::string_view summary;  // one line for `oomlab list`
  // The finding, when its condition holds. Evidence quotes figures, advice fits the case and shows the formula behind any number.
  std::optional<Diagnosis> (*apply)(const Incident& incident, const Run* run);
  // An incident on which it fires; the test that runs over every rule uses it.
  Incident (*example)();
};

std::span<const base::Descriptor<Rule>> all_rules();

}  // namespace forensics

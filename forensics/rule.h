#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/descriptor.h"
#include "forensics/document.h"

namespace forensics {

// What a rule fires on; the run where its condition is about one.
struct Example {
  Incident incident;
  std::optional<Run> run;
};

// A diagnosis rule: one file under rules/. Independent of all others; order never matters.
struct Rule {
  std::string_view summary;  // one line for `oomlab list`
  // The finding, when its condition holds; the incident's analysis is filled by then. Evidence quotes figures and lines
  // of the log, advice fits the case and shows the formula behind any number. Its confidence is that of being the
  // cause.
  std::optional<Diagnosis> (*apply)(const Incident& incident, const Run* run);
  // A case on which it fires (not explained yet); the test that runs over every rule uses it.
  Example (*example)();
  // Codes of findings that are the more general view, or a consequence, of what this one says: where both hold they
  // stand behind it.
  std::span<const std::string_view> outranks;
};

std::span<const base::Descriptor<Rule>> all_rules();

}  // namespace forensics

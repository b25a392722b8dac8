#include "forensics/diagnosis.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "forensics/rule.h"

namespace forensics {
namespace {

constexpr double kBehind = 0.01, kLikely = 0.6;

struct Finding {
  Diagnosis diagnosis;
  std::span<const std::string_view> outranks;
};

// Puts what is outranked behind. Only a likely cause outranks: a small part of something special does not put the main
// one behind. A chain settles in as many rounds as there are findings.
void put_in_order(std::vector<Finding>& findings) {
  bool changed = true;
  for (std::size_t round = 0; changed && round <= findings.size(); ++round) {
    changed = false;
    for (const auto& above : findings) {
      if (above.diagnosis.role != "cause" || above.diagnosis.confidence < kLikely) {
        continue;
      }
      const double most = above.diagnosis.confidence - kBehind;
      for (auto& below : findings) {
        const bool outranked = std::ranges::find(above.outranks, below.diagnosis.code) != above.outranks.end();
        if (outranked && below.diagnosis.confidence > most) {
          below.diagnosis.confidence = most;
          changed = true;
        }
      }
    }
  }
}

// An allocation that failed filled nothing: of it only the rules speak that are about single requests.
bool is_about(const Incident& incident, std::string_view code) {
  constexpr std::array<std::string_view, 4> kOfRequests = {"allocation_failed", "cma_only", "fragmentation",
                                                           "lowmem_zone"};
  return incident.kind != "allocation_failure" || std::ranges::find(kOfRequests, code) != kOfRequests.end();
}

}  // namespace

std::vector<Diagnosis> diagnose(const Incident& incident, const Run* run) {
  std::vector<Finding> findings;
  for (const auto& rule : all_rules()) {
    if (auto found = rule->apply(incident, run); found && is_about(incident, found->code)) {
      findings.push_back({.diagnosis = *std::move(found), .outranks = rule->outranks});
    }
  }
  put_in_order(findings);
  std::ranges::stable_sort(findings, std::greater{}, [](const Finding& found) { return found.diagnosis.confidence; });
  std::vector<Diagnosis> diagnosis;
  for (auto& found : findings) {
    found.diagnosis.confidence = std::round(found.diagnosis.confidence * 1e3) / 1e3;
    diagnosis.push_back(std::move(found.diagnosis));
  }
  return diagnosis;
}

}  // namespace forensics

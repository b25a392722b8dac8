#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/scenario/judgement.h"

// Judgements in the forms that they are written in.
namespace cli::scenario {

inline constexpr std::string_view kResultSchemaName = "oomlab.scenario-result/1";

// The document of docs/schema/scenario-result-1.json, and what judging it again needs of it.
std::string to_json(const std::vector<Judgement>& judgements);
struct Kept {
  std::string definition, kernel;
  Findings findings;
};
base::Result<std::vector<Kept>> from_json(std::string_view text);

// A row for each, and what was not met below it; all: also what was met.
std::string to_table(const std::vector<Judgement>& judgements, bool all);

// JUnit XML: a test case for each scenario and kernel.
std::string to_junit(const std::vector<Judgement>& judgements);

// "46 met, 1 not met, 1 skipped"
std::string summary(const std::vector<Judgement>& judgements);

}  // namespace cli::scenario

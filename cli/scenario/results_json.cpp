#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "cli/scenario/results.h"

namespace cli::scenario {
namespace {

using Json = nlohmann::ordered_json;

Json write(const Judgement& judgement) {
  auto expectations = Json::array();
  for (const auto& each : judgement.expectations) {
    expectations.push_back({{"path", base::to_valid_utf8(each.path)},
                            {"expected", base::to_valid_utf8(each.expected)},
                            {"seen", base::to_valid_utf8(each.seen)},
                            {"met", each.met}});
  }
  return {{"scenario", base::to_valid_utf8(judgement.scenario)},
          {"about", base::to_valid_utf8(judgement.about)},
          {"kernel", base::to_valid_utf8(judgement.kernel)},
          {"outcome", std::string(judgement.outcome())},
          {"expectations", std::move(expectations)},
          {"findings", Json::parse(findings_to_json(judgement.findings), nullptr, false)},
          {"definition", Json::parse(judgement.definition, nullptr, false)}};
}

}  // namespace

std::string to_json(const std::vector<Judgement>& judgements) {
  auto results = Json::array();
  for (const auto& judgement : judgements) {
    results.push_back(write(judgement));
  }
  const Json document = {{"schema", std::string(kResultSchemaName)},
                         {"tool", {{"name", "oomlab"}, {"version", OOMLAB_VERSION}}},
                         {"results", std::move(results)}};
  return document.dump(1, ' ', true, Json::error_handler_t::replace) + "\n";
}

base::Result<std::vector<Kept>> from_json(std::string_view text) {
  const auto document = Json::parse(text, nullptr, false);
  if (!document.is_object() || document.value("schema", "") != kResultSchemaName ||
      !document.value("results", Json()).is_array()) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("expected a result of `oomlab scenario run` (schema {})", kResultSchemaName));
  }
  std::vector<Kept> all;
  for (const auto& result : document["results"]) {
    const bool whole = result.is_object() && result.contains("definition") && result.contains("findings") &&
                       result.value("kernel", Json()).is_string();
    if (!whole) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("results[{}]: expected kernel, definition and findings", all.size()));
    }
    auto& kept = all.emplace_back();
    kept.kernel = result["kernel"].get<std::string>();
    kept.definition = result["definition"].dump(1, ' ', false, Json::error_handler_t::replace);
    auto findings = findings_from_json(result["findings"].dump(-1, ' ', false, Json::error_handler_t::replace));
    if (!findings) {
      auto error = std::move(findings).error().context(fmt::format("results[{}]", all.size() - 1));
      error.kind = base::ErrorKind::usage;
      return std::unexpected(std::move(error));
    }
    kept.findings = *std::move(findings);
  }
  return all;
}

}  // namespace cli::scenario

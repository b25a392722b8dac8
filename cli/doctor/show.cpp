#include "cli/doctor/show.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "cli/wrap.h"

namespace cli::doctor {
namespace {

constexpr std::size_t kStateColumn = 9;
constexpr std::size_t kColumn = 34;  // where what was found begins
constexpr std::size_t kBelow = 11;   // and what stands below it

std::string_view colour_of(State state) {
  switch (state) {
    case State::ok:
      return "\x1b[32m";
    case State::limited:
      return "\x1b[33m";
    case State::missing:
      break;
  }
  return "\x1b[31m";
}

}  // namespace

std::string as_text(std::span<const Finding> findings, bool colour, unsigned width) {
  std::string out;
  const auto below = [&](std::string_view text) {
    if (!text.empty()) {
      out += fmt::format("{:{}}{}\n", "", kBelow, wrap(base::escape_terminal(text), kBelow, width));
    }
  };
  for (const auto& finding : findings) {
    out += fmt::format("{}{:<{}}{}{:<{}}", colour ? colour_of(finding.state) : "", state_name(finding.state),
                       kStateColumn, colour ? "\x1b[0m" : "", finding.item, kColumn - kStateColumn);
    out += wrap(base::escape_terminal(finding.found), kColumn, width) + "\n";
    below(finding.consequence);
    below(finding.remedy.empty() ? "" : "way out: " + finding.remedy);
  }
  return out;
}

std::string as_json(std::span<const Finding> findings, std::optional<std::string_view> backend) {
  using Json = nlohmann::ordered_json;
  const auto text = [](std::string_view value) { return value.empty() ? Json() : Json(base::to_valid_utf8(value)); };
  auto items = Json::array();
  for (const auto& finding : findings) {
    items.push_back(Json{{"item", finding.item},
                         {"state", state_name(finding.state)},
                         {"found", text(finding.found)},
                         {"consequence", text(finding.consequence)},
                         {"remedy", text(finding.remedy)}});
  }
  const Json document{{"schema", "oomlab.doctor/1"},
                      {"tool", {{"name", "oomlab"}, {"version", OOMLAB_VERSION}}},
                      {"backend", text(backend.value_or(""))},
                      {"items", items}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace cli::doctor

#include "cli/doctor/show.h"

#include <algorithm>

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
  const auto below = [&](std::string_view text) { out += fmt::format("{:{}}{}\n", "", kBelow, text); };
  for (const auto& finding : findings) {
    out += fmt::format("{}{:<{}}{}{:<{}}", colour ? colour_of(finding.state) : "", state_name(finding.state),
                       kStateColumn, colour ? "\x1b[0m" : "", finding.item, kColumn - kStateColumn);
    out += wrap(base::escape_terminal(finding.found), kColumn, width) + "\n";
    if (!finding.consequence.empty()) {
      below(wrap(base::escape_terminal(finding.consequence), kBelow, width));
    }
    // Commands to copy: a line each, never wrapped.
    std::string_view label = "way out: ";
    for (std::string_view rest = finding.remedy; !rest.empty(); label = "         ") {
      const auto end = std::min(rest.find('\n'), rest.size());
      below(fmt::format("{}{}", label, base::escape_terminal(rest.substr(0, end))));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
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
  return document.dump(2, ' ', true, Json::error_handler_t::replace) + "\n";
}

}  // namespace cli::doctor

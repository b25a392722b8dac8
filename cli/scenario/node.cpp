#include "cli/scenario/node.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/nearest.h"

namespace cli::scenario {
namespace {

using Json = nlohmann::ordered_json;

const Json& json_of(const Value* value) {
  return *reinterpret_cast<const Json*>(value);
}

const Value* value_of(const Json& json) {
  return reinterpret_cast<const Value*>(&json);
}

// The text that was read has no larger numbers of anything than this.
std::string shown_value(const Json& value) {
  if (value.is_object()) {
    return "an object";
  }
  if (value.is_array()) {
    return "a list";
  }
  auto text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  constexpr std::size_t kLongest = 60;
  return text.size() > kLongest ? base::escape_terminal(text.substr(0, kLongest)) + "..." : base::escape_terminal(text);
}

std::vector<Node::Step> with(std::vector<Node::Step> steps, Node::Step step) {
  steps.push_back(std::move(step));
  return steps;
}

}  // namespace

std::string Node::path() const {
  std::string text;
  for (const auto& step : steps_) {
    if (step.is_index) {
      text += fmt::format("[{}]", step.index);
    } else {
      text += fmt::format("{}{}", text.empty() ? "" : ".", base::escape_terminal(step.name));
    }
  }
  return text;
}

std::unexpected<base::Error> Node::fail(std::string_view message, std::string remedy) const {
  const auto at = path();
  return base::fail(base::ErrorKind::usage,
                    fmt::format("{}:{}: {}{}{}", base::escape_terminal(source_->shown), line_of(source_->text, steps_),
                                at, at.empty() ? "" : ": ", message),
                    std::move(remedy));
}

std::unexpected<base::Error> Node::fail(base::Error error) const {
  return fail(error.message, std::move(error.remedy));
}

std::unexpected<base::Error> Node::unknown(std::string_view what, std::string_view name,
                                           const std::vector<std::string>& known) const {
  const auto near = nearest(name, known);
  std::string remedy = near.empty() ? "" : fmt::format("did you mean {}?", near);
  if (near.empty()) {
    remedy = known.empty() ? "there is none in this file" : fmt::format("one of: {}", fmt::join(known, ", "));
  }
  return fail(fmt::format("'{}' is not {}", base::escape_terminal(name), what), std::move(remedy));
}

std::unexpected<base::Error> Node::expected(std::string_view wanted) const {
  return fail(fmt::format("expected {}, got {}", wanted, shown_value(json_of(value_))));
}

base::Result<> Node::only(std::initializer_list<std::string_view> names) const {
  return only(std::vector<std::string>(names.begin(), names.end()));
}

base::Result<> Node::only(const std::vector<std::string>& names) const {
  if (!json_of(value_).is_object()) {
    return expected("an object");
  }
  for (const auto& [name, value] : json_of(value_).items()) {
    if (std::ranges::find(names, name) == names.end()) {
      return Node(value_of(value), *source_, with(steps_, {.name = name})).unknown("known here", name, names);
    }
  }
  return {};
}

std::optional<Node> Node::find(std::string_view name) const {
  if (!json_of(value_).is_object()) {
    return std::nullopt;
  }
  const auto found = json_of(value_).find(name);
  if (found == json_of(value_).end()) {
    return std::nullopt;
  }
  return Node(value_of(*found), *source_, with(steps_, {.name = std::string(name)}));
}

base::Result<Node> Node::need(std::string_view name) const {
  if (!json_of(value_).is_object()) {
    return expected("an object");
  }
  if (auto found = find(name)) {
    return *std::move(found);
  }
  return fail(fmt::format("'{}' is missing", name),
              "docs/scenarios.md has the format; an example: oomlab scenario show oom-events");
}

base::Result<std::vector<Node>> Node::elements() const {
  if (!json_of(value_).is_array()) {
    return expected("a list");
  }
  std::vector<Node> nodes;
  nodes.reserve(json_of(value_).size());
  for (std::size_t i = 0; i < json_of(value_).size(); ++i) {
    nodes.push_back(
        Node(value_of(json_of(value_)[i]), *source_, with(steps_, {.name = {}, .index = i, .is_index = true})));
  }
  return nodes;
}

base::Result<std::vector<std::pair<std::string, Node>>> Node::members() const {
  if (!json_of(value_).is_object()) {
    return expected("an object");
  }
  std::vector<std::pair<std::string, Node>> nodes;
  for (const auto& [name, value] : json_of(value_).items()) {
    nodes.emplace_back(name, Node(value_of(value), *source_, with(steps_, {.name = name})));
  }
  return nodes;
}

base::Result<std::vector<std::string>> Node::texts() const {
  if (json_of(value_).is_string()) {
    return std::vector{json_of(value_).get<std::string>()};
  }
  if (!json_of(value_).is_array()) {
    return expected("a text or a list of texts");
  }
  if (json_of(value_).empty()) {
    return fail("the list is empty");
  }
  std::vector<std::string> all;
  TRY_ASSIGN(const auto nodes, elements());
  for (const auto& node : nodes) {
    TRY_ASSIGN(all.emplace_back(), node.text());
  }
  return all;
}

base::Result<std::string> Node::text() const {
  if (!json_of(value_).is_string()) {
    return expected("a text");
  }
  auto text = json_of(value_).get<std::string>();
  if (text.find('\0') != std::string::npos) {
    return fail("a text cannot hold the byte 0");
  }
  return text;
}

base::Result<bool> Node::truth() const {
  if (!json_of(value_).is_boolean()) {
    return expected("true or false");
  }
  return json_of(value_).get<bool>();
}

base::Result<std::int64_t> Node::whole(std::int64_t lowest, std::int64_t highest) const {
  const bool fits =
      json_of(value_).is_number_integer() &&
      (!json_of(value_).is_number_unsigned() || std::in_range<std::int64_t>(json_of(value_).get<std::uint64_t>()));
  if (!fits || json_of(value_).get<std::int64_t>() < lowest || json_of(value_).get<std::int64_t>() > highest) {
    return expected(fmt::format("a whole number from {} to {}", lowest, highest));
  }
  return json_of(value_).get<std::int64_t>();
}

base::Result<std::uint64_t> Node::size() const {
  if (json_of(value_).is_number_unsigned()) {
    return json_of(value_).get<std::uint64_t>();
  }
  if (!json_of(value_).is_string()) {
    return expected("a size (bytes, or \"64M\")");
  }
  auto bytes = base::parse_size(json_of(value_).get<std::string>());
  return bytes ? base::Result<std::uint64_t>(*bytes) : fail(std::move(bytes).error());
}

base::Result<std::chrono::nanoseconds> Node::duration() const {
  if (!json_of(value_).is_string()) {
    return expected(R"(a duration ("250ms", "3s"))");
  }
  auto time = base::parse_duration(json_of(value_).get<std::string>());
  return time ? base::Result<std::chrono::nanoseconds>(*time) : fail(std::move(time).error());
}

base::Result<std::string> Node::scalar() const {
  if (json_of(value_).is_string()) {
    return text();
  }
  if (json_of(value_).is_boolean()) {
    return json_of(value_).get<bool>() ? "yes" : "no";
  }
  if (!json_of(value_).is_number()) {
    return expected("a text or a number");
  }
  return json_of(value_).dump();
}

bool Node::is(std::string_view word) const {
  return json_of(value_).is_string() && json_of(value_).get_ref<const std::string&>() == word;
}

bool Node::is_text() const {
  return json_of(value_).is_string();
}

bool Node::is_number() const {
  return json_of(value_).is_number();
}

bool Node::is_object() const {
  return json_of(value_).is_object();
}

bool Node::is_list() const {
  return json_of(value_).is_array();
}

std::optional<double> Node::number() const {
  return json_of(value_).is_number() ? std::optional(json_of(value_).get<double>()) : std::nullopt;
}

}  // namespace cli::scenario

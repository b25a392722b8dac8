#include "cli/scenario/definition.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace cli::scenario {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kLargestFile = std::size_t{1} << 20;

std::string place_of(std::string_view text, std::size_t byte) {
  const auto before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const auto line = static_cast<std::size_t>(std::ranges::count(before, '\n')) + 1;
  const auto begin = before.rfind('\n');
  return fmt::format("{}:{}", line, before.size() - (begin == std::string_view::npos ? 0 : begin + 1) + 1);
}

// What nlohmann/json says of a mistake, without its own place and number.
std::string reason_of(std::string_view what) {
  const auto colon = what.find(": syntax error");
  return base::escape_terminal(colon == std::string_view::npos ? what : what.substr(colon + 2));
}

// A name that stands twice in an object: the parser would keep the last silently.
class Duplicates {
 public:
  bool on_event(int depth, Json::parse_event_t event, const Json& parsed) {
    const auto level = static_cast<std::size_t>(depth);
    if (event == Json::parse_event_t::object_start) {
      names_.resize(level + 2);
      names_[level + 1].clear();
    } else if (event == Json::parse_event_t::key && level < names_.size()) {
      auto name = parsed.get<std::string>();
      if (!names_[level].insert(name).second && twice_.empty()) {
        twice_ = std::move(name);
      }
    }
    return true;
  }
  [[nodiscard]] const std::string& twice() const { return twice_; }

 private:
  std::vector<std::set<std::string>> names_;
  std::string twice_;
};

base::Result<Json> parse_json(std::string_view text, std::string_view shown) {
  const auto file = base::escape_terminal(shown);
  if (text.size() > kLargestFile) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: larger than 1 MiB: no scenario", file));
  }
  Duplicates duplicates;
  Json json;
  try {
    json = Json::parse(
        text,
        [&duplicates](int depth, Json::parse_event_t event, Json& parsed) {
          return duplicates.on_event(depth, event, parsed);
        },
        true, true);
  } catch (const Json::parse_error& error) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("{}:{}: {}", file, place_of(text, error.byte), reason_of(error.what())));
  } catch (const Json::exception& error) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: {}", file, base::escape_terminal(error.what())));
  }
  if (!duplicates.twice().empty()) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("{}:{}: '{}' stands twice in the same object", file, line_of_second_name(text),
                                  base::escape_terminal(duplicates.twice())),
                      "the last would count: take one of them out");
  }
  return json;
}

}  // namespace

struct Definition::Parsed {
  Source source;
  Json json;
};

Definition::Definition(std::unique_ptr<Parsed> parsed) : parsed_(std::move(parsed)) {}
Definition::Definition(Definition&&) noexcept = default;
Definition& Definition::operator=(Definition&&) noexcept = default;
Definition::~Definition() = default;

base::Result<Definition> Definition::parse(std::string_view text, std::string_view shown) {
  TRY_ASSIGN(auto json, parse_json(text, shown));
  return Definition(std::make_unique<Parsed>(
      Parsed{.source = {.shown = std::string(shown), .text = std::string(text)}, .json = std::move(json)}));
}

Node Definition::root() const {
  return {reinterpret_cast<const Value*>(&parsed_->json), parsed_->source};
}

std::string Definition::without_comments() const {
  return parsed_->json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace cli::scenario

// Where a value stands in the text: nlohmann/json keeps no positions, so the text, known to be valid by now, is walked
// once more when there is an error to be placed.
#include <algorithm>
#include <set>

#include "cli/scenario/node.h"

namespace cli::scenario {
namespace {

class Walk {
 public:
  Walk(std::string_view text, const std::vector<Node::Step>& steps) : text_(text), steps_(steps) {}

  std::size_t line() {
    std::size_t found = skip_blanks();
    for (const auto& step : steps_) {
      const auto at = step.is_index ? enter_list(step.index) : enter_object(step.name);
      if (!at) {
        break;
      }
      found = *at;
    }
    return static_cast<std::size_t>(std::ranges::count(text_.substr(0, found), '\n')) + 1;
  }

  // Of the first name that stands in its object already.
  std::size_t line_of_second_name() {
    std::vector<std::set<std::string_view>> open;
    while (skip_blanks() < text_.size()) {
      const char c = text_[at_];
      const auto begin = at_;
      if (c != '"') {
        if (c == '{') {
          open.emplace_back();
        } else if (c == '}' && !open.empty()) {
          open.pop_back();
        }
        ++at_;
        continue;
      }
      const auto name = skip_string();
      skip_blanks();
      const bool is_name = at_ < text_.size() && text_[at_] == ':';
      if (is_name && !open.empty() && !open.back().insert(name).second) {
        return static_cast<std::size_t>(std::ranges::count(text_.substr(0, begin), '\n')) + 1;
      }
    }
    return 1;
  }

 private:
  // Passes over blanks and comments; returns where it stands then.
  std::size_t skip_blanks() {
    while (at_ < text_.size()) {
      if (text_.substr(at_).starts_with("//")) {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (text_.substr(at_).starts_with("/*")) {
        const auto end = text_.find("*/", at_ + 2);
        at_ = end == std::string_view::npos ? text_.size() : end + 2;
      } else if (std::string_view(" \t\r\n").contains(text_[at_])) {
        ++at_;
      } else {
        break;
      }
    }
    return at_;
  }

  // Passes over a string; returns what is between its quotes, escapes as they are.
  std::string_view skip_string() {
    const auto begin = ++at_;
    while (at_ < text_.size() && text_[at_] != '"') {
      at_ += text_[at_] == '\\' ? 2U : 1U;
    }
    at_ = std::min(at_, text_.size());
    const auto inner = text_.substr(begin, at_ - begin);
    at_ = std::min(at_ + 1, text_.size());
    return inner;
  }

  // Passes over any value.
  void skip_value() {
    std::size_t depth = 0;
    do {
      skip_blanks();
      if (at_ >= text_.size()) {
        return;
      }
      const char c = text_[at_];
      if (c == '"') {
        (void)skip_string();
      } else {
        depth += c == '{' || c == '[' ? 1U : 0U;
        const bool closes = c == '}' || c == ']';
        if (closes && depth == 0) {
          return;
        }
        depth -= closes ? 1U : 0U;
        ++at_;
      }
      skip_blanks();
    } while (depth > 0 || (at_ < text_.size() && !std::string_view(",:}]").contains(text_[at_])));
  }

  bool enter(char bracket) {
    skip_blanks();
    if (at_ >= text_.size() || text_[at_] != bracket) {
      return false;
    }
    ++at_;
    skip_blanks();
    return true;
  }

  void skip_comma() {
    skip_blanks();
    at_ += at_ < text_.size() && text_[at_] == ',' ? 1U : 0U;
    skip_blanks();
  }

  std::optional<std::size_t> enter_list(std::size_t index) {
    if (!enter('[')) {
      return std::nullopt;
    }
    for (std::size_t i = 0; i < index && at_ < text_.size(); ++i) {
      skip_value();
      skip_comma();
    }
    return at_;
  }

  // The place of the name, so that a long value's first line is not what is shown.
  std::optional<std::size_t> enter_object(std::string_view name) {
    if (!enter('{')) {
      return std::nullopt;
    }
    while (at_ < text_.size() && text_[at_] == '"') {
      const auto begin = at_;
      const bool found = skip_string() == name;
      skip_blanks();
      at_ += at_ < text_.size() && text_[at_] == ':' ? 1U : 0U;
      if (found) {
        return begin;
      }
      skip_value();
      skip_comma();
    }
    return std::nullopt;
  }

  std::string_view text_;
  const std::vector<Node::Step>& steps_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t line_of(std::string_view text, const std::vector<Node::Step>& steps) {
  return Walk(text, steps).line();
}

std::size_t line_of_second_name(std::string_view text) {
  return Walk(text, {}).line_of_second_name();
}

}  // namespace cli::scenario

#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace cli::scenario {

// The file that is read, for messages.
struct Source {
  std::string shown;
  std::string text;
};

// A value of the parser's, which only node.cpp and definition.cpp know.
struct Value;

// A value of the file that knows where it stands. Every error names file, line and path.
class Node {
 public:
  struct Step {
    std::string name;  // a member; or
    std::size_t index = 0;
    bool is_index = false;
  };

  Node(const Value* value, const Source& source) : value_(value), source_(&source) {}

  // Refuses members of other names than these; names the nearest.
  base::Result<> only(std::initializer_list<std::string_view> names) const;
  base::Result<> only(const std::vector<std::string>& names) const;
  // The member of that name, if there is one. Of what is no object: nothing.
  [[nodiscard]] std::optional<Node> find(std::string_view name) const;
  [[nodiscard]] base::Result<Node> need(std::string_view name) const;
  [[nodiscard]] base::Result<std::vector<Node>> elements() const;
  [[nodiscard]] base::Result<std::vector<std::pair<std::string, Node>>> members() const;
  // A text, or a list of texts; not empty.
  [[nodiscard]] base::Result<std::vector<std::string>> texts() const;

  [[nodiscard]] base::Result<std::string> text() const;
  [[nodiscard]] base::Result<bool> truth() const;
  [[nodiscard]] base::Result<std::int64_t> whole(std::int64_t lowest, std::int64_t highest) const;
  [[nodiscard]] base::Result<std::uint64_t> size() const;                 // a number of bytes, or "64M"
  [[nodiscard]] base::Result<std::chrono::nanoseconds> duration() const;  // "250ms"
  [[nodiscard]] base::Result<std::string> scalar() const;                 // text, number or truth, as text

  [[nodiscard]] bool is(std::string_view word) const;  // that text
  [[nodiscard]] bool is_text() const;
  [[nodiscard]] bool is_number() const;
  [[nodiscard]] bool is_object() const;
  [[nodiscard]] bool is_list() const;
  [[nodiscard]] std::optional<double> number() const;

  [[nodiscard]] std::string path() const;  // "tasks[0].start.group"
  [[nodiscard]] std::unexpected<base::Error> fail(std::string_view message, std::string remedy = {}) const;
  // The same for a name that is not one of those known.
  [[nodiscard]] std::unexpected<base::Error> unknown(std::string_view what, std::string_view name,
                                                     const std::vector<std::string>& known) const;
  // An error of a parser, placed.
  [[nodiscard]] std::unexpected<base::Error> fail(base::Error error) const;

 private:
  Node(const Value* value, const Source& source, std::vector<Step> steps)
      : value_(value), source_(&source), steps_(std::move(steps)) {}
  [[nodiscard]] std::unexpected<base::Error> expected(std::string_view wanted) const;

  const Value* value_;
  const Source* source_;
  std::vector<Step> steps_;
};

// Where a value of valid JSON (with comments) stands: its line, 1-based; the last one on the way when it is not there.
std::size_t line_of(std::string_view text, const std::vector<Node::Step>& steps);
// The line of the first name that stands in its object already; 1 when none does.
std::size_t line_of_second_name(std::string_view text);

}  // namespace cli::scenario

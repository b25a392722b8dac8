#include "cli/scenario/expectation.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/scenario/read.h"

namespace cli::scenario {
namespace {

std::string member_name(std::string_view descriptor) {
  std::string name(descriptor);
  std::ranges::replace(name, '-', '_');
  return name;
}

Seen look_at(const Range& range, const Counter& counter, const cgroup::Counters* values) {
  if (values == nullptr) {
    return {.words = "nothing: it was not read", .known = false};
  }
  const auto value = value_of(counter, *values);
  if (!value) {
    return {.met = range.optional, .words = "nothing: this kernel has no such counter", .known = false};
  }
  const auto lookup = [values](const Counter& other) { return value_of(other, *values); };
  const auto inside = range.contains(*value, lookup);
  if (!inside) {
    return {.met = range.optional,
            .words = fmt::format("{}, and nothing to compare it with", show(*value, counter.unit)),
            .known = false};
  }
  return {.met = *inside, .words = show(*value, counter.unit)};
}

// What a counter is compared with, for the words: its value is not in the expectation.
std::string compared(const Range& range, const cgroup::Counters* values) {
  if (values == nullptr || !range.about || !range.about->counter) {
    return "";
  }
  const auto other = value_of(*range.about->counter, *values);
  return other ? fmt::format(" against {}", show(*other, range.unit)) : "";
}

}  // namespace

std::vector<std::string> expectation_names() {
  std::vector<std::string> names;
  for (const auto& row : all_expectations()) {
    names.push_back(member_name(row.name));
  }
  return names;
}

const Expectation* find_expectation(std::string_view name) {
  for (const auto& row : all_expectations()) {
    if (member_name(row.name) == name) {
      return row.value;
    }
  }
  return nullptr;
}

void add_check(Scenario& scenario, const Node& node, std::string expected, std::function<Seen(const Findings&)> look) {
  scenario.checks.push_back({.path = node.path(), .expected = std::move(expected), .look = std::move(look)});
}

base::Result<> expect_word(const Node& node, Scenario& scenario, const std::vector<std::string>& known, Word word) {
  TRY_ASSIGN(auto words, node.texts());
  for (const auto& each : words) {
    if (!known.empty() && std::ranges::find(known, each) == known.end()) {
      return node.unknown("one that is known here", each, known);
    }
  }
  auto expected = fmt::format("{}", fmt::join(words, " or "));
  add_check(scenario, node, std::move(expected), [words = std::move(words), word = std::move(word)](const auto& found) {
    const auto seen = word(found);
    if (!seen) {
      return Seen{.words = "nothing", .known = false};
    }
    return Seen{.met = std::ranges::find(words, *seen) != words.end(), .words = base::escape_terminal(*seen)};
  });
  return {};
}

base::Result<> expect_number(const Node& node, Scenario& scenario, Unit unit, std::string_view what, Number number) {
  TRY_ASSIGN(const auto range, read_range(node, unit));
  auto expected = fmt::format("{}{}{}", what, what.empty() ? "" : ": ", range.words());
  add_check(scenario, node, std::move(expected), [range, number = std::move(number)](const Findings& found) {
    const auto value = number(found);
    if (!value) {
      return Seen{.met = range.optional, .words = "nothing", .known = false};
    }
    return Seen{.met = range.contains(*value).value_or(false), .words = show(*value, range.unit)};
  });
  return {};
}

base::Result<> expect_counters(const Node& node, Scenario& scenario, const std::vector<std::string>& besides,
                               const Values& values) {
  TRY_ASSIGN(const auto members, node.members());
  for (const auto& [name, member] : members) {
    if (std::ranges::find(besides, name) != besides.end()) {
      continue;
    }
    TRY_ASSIGN(auto counter, read_counter(member, name));
    TRY_ASSIGN(auto range, read_range(member, counter.unit));
    auto expected = range.words();
    add_check(scenario, member, std::move(expected),
              [counter = std::move(counter), range = std::move(range), values](const Findings& found) {
                const auto* there = values(found);
                auto seen = look_at(range, counter, there);
                seen.words += compared(range, there);
                return seen;
              });
  }
  return {};
}

std::string enumerate(const std::vector<std::string>& words) {
  if (words.empty()) {
    return "nothing";
  }
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " and " : ", ", words[i]);
  }
  return text;
}

}  // namespace cli::scenario

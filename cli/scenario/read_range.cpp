#include <fmt/format.h>

#include "base/bytes.h"
#include "cli/scenario/read.h"

namespace cli::scenario {
namespace {

base::Result<double> read_value(const Node& node, Unit unit) {
  if (const auto number = node.number(); number && unit != Unit::time) {
    return *number;
  }
  if (unit == Unit::time) {
    TRY_ASSIGN(const auto time, node.duration());
    return static_cast<double>(time.count()) / 1e3;  // microseconds, as PSI counts
  }
  if (node.is_text() && unit == Unit::bytes) {
    TRY_ASSIGN(const auto bytes, node.size());
    return static_cast<double>(bytes);
  }
  return node.fail(unit == Unit::bytes ? "expected a number of bytes, or a size (\"64M\")" : "expected a number");
}

base::Result<Quantity> read_quantity(const Node& node, Unit unit) {
  Quantity quantity;
  if (!node.is_object()) {
    TRY_ASSIGN(quantity.value, read_value(node, unit));
    return quantity;
  }
  TRY(node.only({"counter"}));
  TRY_ASSIGN(const auto name, node.need("counter"));
  TRY_ASSIGN(const auto text, name.text());
  TRY_ASSIGN(quantity.counter, read_counter(name, text));
  if (quantity.counter->unit != unit) {
    return name.fail(fmt::format("{} is not of the unit that it is compared with", quantity.counter->name()));
  }
  return quantity;
}

// "3%" of what it is about, or a value.
base::Result<> read_within(const Node& node, Range& range) {
  if (node.is_text()) {
    TRY_ASSIGN(const auto text, node.text());
    if (text.ends_with('%')) {
      const auto share = base::parse_size(text, 100'000);
      if (!share) {
        return node.fail(share.error());
      }
      range.within = static_cast<double>(*share) / 100'000;
      range.within_is_share = true;
      return {};
    }
  }
  TRY_ASSIGN(range.within, read_value(node, range.unit));
  return {};
}

}  // namespace

std::vector<std::string> bound_names() {
  return {"equals", "at_least", "at_most", "about", "within", "optional"};
}

base::Result<std::optional<Range>> read_bounds(const Node& node, Unit unit) {
  Range range{.unit = unit};
  bool any = false;
  const std::pair<const char*, std::optional<Quantity> Range::*> bounds[] = {{"equals", &Range::equals},
                                                                             {"at_least", &Range::at_least},
                                                                             {"at_most", &Range::at_most},
                                                                             {"about", &Range::about}};
  for (const auto& [name, member] : bounds) {
    if (const auto bound = node.find(name)) {
      TRY_ASSIGN(range.*member, read_quantity(*bound, unit));
      any = true;
    }
  }
  const auto within = node.find("within");
  if (range.about.has_value() != within.has_value()) {
    return node.fail("'about' and 'within' go together");
  }
  if (within) {
    TRY(read_within(*within, range));
  }
  if (const auto optional = node.find("optional")) {
    TRY_ASSIGN(range.optional, optional->truth());
  }
  return any ? std::optional(std::move(range)) : std::nullopt;
}

base::Result<Range> read_range(const Node& node, Unit unit) {
  if (!node.is_object()) {
    Range range{.unit = unit};
    TRY_ASSIGN(range.equals.emplace().value, read_value(node, unit));
    return range;
  }
  TRY(node.only(bound_names()));
  TRY_ASSIGN(auto range, read_bounds(node, unit));
  if (!range) {
    return node.fail("no bound is given: equals, at_least, at_most, or about and within");
  }
  return *std::move(range);
}

}  // namespace cli::scenario

#include "cgroup/parse.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "base/scanner.h"

namespace cgroup {
namespace {

using base::expected_but_got;
using base::Result;
using base::Scanner;

// One value: what is left when the newline that the kernel ends it with is gone.
std::string_view strip_newline(std::string_view text) {
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  return text;
}

// The whole text as a number from 0 to 2^64 - 1, or nothing.
std::optional<std::uint64_t> whole_number(std::string_view text) {
  Scanner scanner(text);
  const auto value = scanner.number<std::uint64_t>();
  return scanner.done() ? value : std::nullopt;
}

// Calls back with each line; an error of the callback ends it and gains the line's number.
template <typename Line>
Result<> each_line(std::string_view text, Line line) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    if (auto read = line(text.substr(0, end)); !read) {
      return std::unexpected(std::move(read).error().context(fmt::format("line {}", number)));
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return {};
}

// Puts the counter of that name into its field; false when no field has the name.
struct Field {
  std::string_view name;
  std::optional<std::uint64_t>* value;
};
void distribute(Counters counters, std::initializer_list<Field> fields, Counters& other) {
  for (auto& [name, value] : counters) {
    const auto field = std::ranges::find(fields, std::string_view(name), &Field::name);
    if (field != fields.end()) {
      *field->value = value;
    } else {
      other.emplace_back(std::move(name), value);
    }
  }
}

// "avg10=0.22 avg60=0.17 avg300=1.11 total=58761459": keys in any order, unknown ones are skipped, these four must be
// there.
Result<std::chrono::microseconds> parse_total(std::string_view value, std::string_view word) {
  const auto total = whole_number(value);
  if (!total || *total > static_cast<std::uint64_t>(std::chrono::microseconds::max().count())) {
    return expected_but_got("total= with a number of microseconds", word);
  }
  return std::chrono::microseconds(static_cast<std::int64_t>(*total));
}

Result<double> parse_average(std::string_view key, std::string_view value, std::string_view word) {
  double average = 0;
  const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), average);
  if (error != std::errc{} || stop != value.data() + value.size() || !std::isfinite(average) || average < 0) {
    return expected_but_got(fmt::format("{}= with a percentage", key), word);
  }
  return average;
}

Result<PressureLine> parse_pressure_line(std::string_view text) {
  constexpr std::pair<std::string_view, double PressureLine::*> kAverages[] = {
      {"avg10", &PressureLine::avg10}, {"avg60", &PressureLine::avg60}, {"avg300", &PressureLine::avg300}};
  PressureLine line;
  std::size_t seen = 0;
  Scanner words(text);
  for (auto word = words.word(); word; words.skip_blanks(), word = words.word()) {
    Scanner pair(*word);
    const auto key = pair.until("=").value_or("");
    if (key == "total") {
      TRY_ASSIGN(line.total, parse_total(pair.rest(), *word));
      ++seen;
    }
    for (const auto& [name, member] : kAverages) {
      if (key == name) {
        TRY_ASSIGN(line.*member, parse_average(key, pair.rest(), *word));
        ++seen;
      }
    }
  }
  if (seen != 4) {
    return expected_but_got("'avg10=N.NN avg60=N.NN avg300=N.NN total=N'", text);
  }
  return line;
}

// "anon N0=4096 N1=0"
Result<NumaRow> parse_numa_row(std::string_view text) {
  const auto refuse = [text] { return expected_but_got("'name N0=bytes N1=bytes ...'", text); };
  Scanner scanner(text);
  const auto name = scanner.word();
  if (!name) {
    return refuse();
  }
  NumaRow row{.name = std::string(*name), .nodes = {}};
  while (scanner.literal(" ")) {
    if (!scanner.literal("N")) {
      return refuse();
    }
    const auto node = scanner.number<unsigned>();
    if (!node || !scanner.literal("=")) {
      return refuse();
    }
    const auto bytes = scanner.number<std::uint64_t>();
    if (!bytes) {
      return refuse();
    }
    row.nodes.emplace_back(*node, *bytes);
  }
  if (!scanner.done() || row.nodes.empty()) {
    return refuse();
  }
  return row;
}

}  // namespace

Result<Limit> parse_limit(std::string_view text) {
  const auto value = strip_newline(text);
  if (value == "max") {
    return Limit{};
  }
  if (const auto number = whole_number(value)) {
    return Limit{number};
  }
  return expected_but_got("a number below 2^64 or 'max'", value);
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const auto value = strip_newline(text);
  if (const auto number = whole_number(value)) {
    return *number;
  }
  return expected_but_got("a number below 2^64", value);
}

Result<Counters> parse_counters(std::string_view text) {
  Counters counters;
  counters.reserve(static_cast<std::size_t>(std::ranges::count(text, '\n')) + 1);
  TRY(each_line(text, [&counters](std::string_view line) -> Result<> {
    Scanner scanner(line);
    const auto name = scanner.word();
    const auto value = name && scanner.literal(" ") ? whole_number(scanner.rest()) : std::nullopt;
    if (!value) {
      return expected_but_got("'name number'", line);
    }
    counters.emplace_back(*name, *value);
    return {};
  }));
  return counters;
}

Result<MemoryEvents> parse_memory_events(std::string_view text) {
  TRY_ASSIGN(Counters counters, parse_counters(text));
  MemoryEvents events;
  distribute(std::move(counters),
             {{"low", &events.low},
              {"high", &events.high},
              {"max", &events.max},
              {"oom", &events.oom},
              {"oom_kill", &events.oom_kill},
              {"oom_group_kill", &events.oom_group_kill}},
             events.other);
  return events;
}

Result<SwapEvents> parse_swap_events(std::string_view text) {
  TRY_ASSIGN(Counters counters, parse_counters(text));
  SwapEvents events;
  distribute(std::move(counters), {{"high", &events.high}, {"max", &events.max}, {"fail", &events.fail}}, events.other);
  return events;
}

// "some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459\nfull ...", Linux 4.20.
Result<Pressure> parse_pressure(std::string_view text) {
  Pressure pressure;
  TRY(each_line(text, [&pressure](std::string_view line) -> Result<> {
    Scanner scanner(line);
    auto* const target = scanner.literal("some ")   ? &pressure.some
                         : scanner.literal("full ") ? &pressure.full
                                                    : nullptr;
    if (target == nullptr) {
      return expected_but_got("a line that begins with 'some ' or 'full '", line);
    }
    TRY_ASSIGN(*target, parse_pressure_line(scanner.rest()));
    return {};
  }));
  return pressure;
}

Result<CgroupEvents> parse_cgroup_events(std::string_view text) {
  TRY_ASSIGN(const Counters counters, parse_counters(text));
  CgroupEvents events;
  for (const auto& [name, value] : counters) {
    auto* const target = name == "populated" ? &events.populated : name == "frozen" ? &events.frozen : nullptr;
    if (target == nullptr) {
      continue;
    }
    if (value > 1) {
      return expected_but_got(fmt::format("{} 0 or 1", name), fmt::format("{} {}", name, value));
    }
    *target = value == 1;
  }
  return events;
}

// "anon N0=4096 N1=0", Linux 5.10.
Result<std::vector<NumaRow>> parse_numa_stat(std::string_view text) {
  std::vector<NumaRow> rows;
  TRY(each_line(text, [&rows](std::string_view line) -> Result<> {
    TRY_ASSIGN(auto row, parse_numa_row(line));
    rows.push_back(std::move(row));
    return {};
  }));
  return rows;
}

}  // namespace cgroup

#include "cli/scenario/counter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/scanner.h"
#include "cli/nearest.h"

namespace cli::scenario {
namespace {

enum class Form { number, keyed, pressure };

struct File {
  std::string_view name;
  Form form;
  Unit unit;
};

// Documentation/admin-guide/cgroup-v2.rst. The unit of memory.stat is decided key by key.
constexpr std::array kFiles{
    File{"memory.current", Form::number, Unit::bytes},       File{"memory.peak", Form::number, Unit::bytes},
    File{"memory.swap.current", Form::number, Unit::bytes},  File{"memory.swap.peak", Form::number, Unit::bytes},
    File{"memory.zswap.current", Form::number, Unit::bytes}, File{"memory.stat", Form::keyed, Unit::bytes},
    File{"memory.events", Form::keyed, Unit::count},         File{"memory.events.local", Form::keyed, Unit::count},
    File{"memory.swap.events", Form::keyed, Unit::count},    File{"memory.pressure", Form::pressure, Unit::time},
    File{"pids.current", Form::number, Unit::count},         File{"pids.peak", Form::number, Unit::count},
    File{"pids.events", Form::keyed, Unit::count},           File{"cgroup.events", Form::keyed, Unit::count},
    File{"cgroup.stat", Form::keyed, Unit::count},
};

// What memory.stat counts in events or pages and not in bytes (memcg_page_state_output_unit() and memcg_vm_event_stat[]
// of mm/memcontrol.c).
constexpr std::array<std::string_view, 7> kCountPrefixes = {"pg",     "workingset_", "thp_", "zswp",
                                                            "swpin_", "swpout_",     "numa_"};

const File* find_file(std::string_view name) {
  const auto found = std::ranges::find(kFiles, name, &File::name);
  return found == kFiles.end() ? nullptr : &*found;
}

Unit unit_of(const File& file, std::string_view key) {
  const bool is_event = std::ranges::any_of(kCountPrefixes, [key](auto prefix) { return key.starts_with(prefix); });
  return file.name == "memory.stat" && is_event ? Unit::count : file.unit;
}

// The keys of files whose keys are few and known (cgroup-v2.rst, up to 6.18); of others the kernel decides.
std::vector<std::string> keys_of(std::string_view file) {
  if (file == "memory.events" || file == "memory.events.local") {
    return {"low", "high", "max", "oom", "oom_kill", "oom_group_kill", "sock_throttled"};
  }
  if (file == "memory.swap.events") {
    return {"high", "max", "fail"};
  }
  if (file == "cgroup.events") {
    return {"populated", "frozen"};
  }
  return {};
}

base::Result<std::pair<Term, Unit>> parse_term(std::string_view text) {
  const auto colon = text.find(':');
  const bool has_key = colon != std::string_view::npos;
  Term term{.file = std::string(text.substr(0, colon)), .key = has_key ? std::string(text.substr(colon + 1)) : ""};
  const auto* file = find_file(term.file);
  if (file == nullptr) {
    const auto near = nearest(term.file, counter_files());
    return base::fail(base::ErrorKind::parse,
                      fmt::format("'{}' is not a file of a cgroup with counters", base::escape_terminal(term.file)),
                      near.empty() ? fmt::format("one of: {}", fmt::join(counter_files(), ", "))
                                   : fmt::format("did you mean {}?", near));
  }
  if (file->form == Form::number && has_key) {
    return base::fail(base::ErrorKind::parse,
                      fmt::format("{} is one number: it takes no ':{}'", term.file, base::escape_terminal(term.key)));
  }
  if (file->form == Form::keyed &&
      (term.key.empty() || term.key.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") != std::string::npos)) {
    return base::fail(base::ErrorKind::parse,
                      fmt::format("{} has several counters: name one, {}:KEY", term.file, term.file));
  }
  if (const auto keys = keys_of(term.file); !keys.empty() && std::ranges::find(keys, term.key) == keys.end()) {
    const auto near = nearest(term.key, keys);
    return base::fail(base::ErrorKind::parse,
                      fmt::format("{} has no counter '{}'", term.file, base::escape_terminal(term.key)),
                      near.empty() ? fmt::format("one of: {}", fmt::join(keys, ", "))
                                   : fmt::format("did you mean {}:{}?", term.file, near));
  }
  if (file->form == Form::pressure && term.key != "some.total" && term.key != "full.total") {
    return base::fail(base::ErrorKind::parse,
                      "memory.pressure has memory.pressure:some.total and "
                      "memory.pressure:full.total");
  }
  const auto unit = unit_of(*file, term.key);
  return std::pair{std::move(term), unit};
}

}  // namespace

std::string Term::name() const {
  return key.empty() ? file : fmt::format("{}:{}", file, key);
}

std::string Counter::name() const {
  std::string text;
  for (const auto& term : terms) {
    text += (text.empty() ? "" : "+") + term.name();
  }
  return text;
}

std::vector<std::string> counter_files() {
  std::vector<std::string> names;
  names.reserve(std::size(kFiles));
  for (const auto& file : kFiles) {
    names.emplace_back(file.name);
  }
  return names;
}

base::Result<Counter> parse_counter(std::string_view text) {
  Counter counter;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('+', begin), text.size());
    TRY_ASSIGN(auto term, parse_term(text.substr(begin, end - begin)));
    if (!counter.terms.empty() && counter.unit != term.second) {
      return base::fail(base::ErrorKind::parse,
                        fmt::format("'{}' adds up what has not one unit", base::escape_terminal(text)));
    }
    counter.unit = term.second;
    counter.terms.push_back(std::move(term.first));
    begin = end + 1;
  }
  return counter;
}

// "some avg10=0.00 avg60=0.00 avg300=0.00 total=123" is "memory.pressure:some.total" with 123.
cgroup::Counters numbers_in(std::string_view file, std::string_view text) {
  cgroup::Counters values;
  const auto* known = find_file(file);
  for (std::size_t begin = 0; known != nullptr && begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    base::Scanner line(text.substr(begin, end - begin));
    begin = end + 1;
    std::string name(file);
    if (known->form != Form::number) {
      const auto key = line.word().value_or("");
      name += fmt::format(":{}", key);
      line.skip_blanks();
    }
    if (known->form == Form::pressure) {
      name += ".total";
      (void)line.until("total=");  // without it there is no number
    }
    if (const auto value = line.number<std::uint64_t>(); value && line.done()) {
      values.emplace_back(std::move(name), *value);
    }
  }
  return values;
}

std::optional<double> value_of(const Counter& counter, const cgroup::Counters& values) {
  double sum = 0;
  for (const auto& term : counter.terms) {
    const auto value = cgroup::find(values, term.name());
    if (!value) {
      return std::nullopt;
    }
    sum += static_cast<double>(*value);
  }
  return sum;
}

std::string show(double value, Unit unit) {
  if (unit == Unit::time) {
    return base::human_duration(value / 1e6);
  }
  if (std::floor(value) != value || std::abs(value) > 9e15) {
    return fmt::format("{:.3g}", value);
  }
  const auto whole = static_cast<std::int64_t>(value);
  constexpr std::int64_t kShort = 10 << 10;
  return unit == Unit::bytes && whole >= kShort
             ? fmt::format("{} ({})", whole, base::human_size(static_cast<std::uint64_t>(whole)))
             : fmt::format("{}", whole);
}

}  // namespace cli::scenario

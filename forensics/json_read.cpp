#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/result.h"
#include "cgroup/model.h"
#include "forensics/json.h"
#include "forensics/json_fields.h"

namespace forensics {

// The other direction of JsonWriter: walks a parsed tree along fields() of json_fields.h. A member that is not there
// leaves the default, an unknown one is ignored, one of the wrong type ends the reading: the first error is kept with
// the path of the member, and everything after it does nothing.
class JsonReader {
 public:
  using Json = nlohmann::ordered_json;
  explicit JsonReader(const Json& root) : at_(&root) {}

  template <typename T>
  void member(std::string_view name, T& value) {
    with(name, [&] { read(value); });
  }
  template <typename Body>
  void object(std::string_view name, Body body) {
    with(name, [&] {
      if (expect(at_->is_object(), "an object")) {
        body();
      }
    });
  }
  void rest(cgroup::Counters& counters, std::initializer_list<std::string_view> known);
  void timeline(std::string_view name, std::vector<cgroup::Sample>& samples);

  [[nodiscard]] const std::optional<base::Error>& error() const { return error_; }
  void fail(std::string_view wanted);

 private:
  struct Step {
    std::string_view name;  // a member; or
    std::size_t index = 0;  // an element, when name is empty
  };

  bool expect(bool holds, std::string_view wanted) {
    if (!holds) {
      fail(wanted);
    }
    return holds && !error_;
  }
  // Does body with the member of that name as the current value, if it is there.
  template <typename Body>
  void with(std::string_view name, Body body) {
    if (error_) {
      return;
    }
    const auto found = at_->find(name);
    if (found != at_->end()) {
      descend({.name = name}, *found, body);
    }
  }
  template <typename Body>
  void descend(Step step, const Json& to, Body body) {
    const Json* back = std::exchange(at_, &to);
    path_.push_back(step);
    body();
    path_.pop_back();
    at_ = back;
  }
  template <typename Body>
  void elements(Body body) {
    if (!expect(at_->is_array(), "a list")) {
      return;
    }
    const Json& list = *at_;
    for (std::size_t i = 0; i < list.size() && !error_; ++i) {
      descend({.name = {}, .index = i}, list[i], [&] { body(i); });
    }
  }

  void read(bool& value);
  void read(double& value);
  void read(std::string& value);
  void read(cgroup::Counters& value);
  void read(std::vector<std::pair<std::string, std::string>>& value);
  void read(std::optional<std::chrono::microseconds>& value);

  template <std::integral T>
  void read(T& value) {
    constexpr bool kSigned = std::is_signed_v<T>;
    if (!expect(at_->is_number_integer(), "a whole number")) {
      return;
    }
    const bool fits = at_->is_number_unsigned() ? std::in_range<T>(at_->get<std::uint64_t>())
                                                : kSigned && std::in_range<T>(at_->get<std::int64_t>());
    if (expect(fits, kSigned ? "a whole number in range" : "a whole number from 0")) {
      value = at_->get<T>();
    }
  }
  template <typename T>
  void read(std::optional<T>& value) {
    if (at_->is_null()) {
      value.reset();
    } else {
      read(value.emplace());
    }
  }
  template <typename T>
  void read(std::vector<T>& value) {
    value.clear();
    elements([&](std::size_t) { read(value.emplace_back()); });
  }
  template <typename T>
    requires std::is_class_v<T>
  void read(T& value);

  const Json* at_;
  std::vector<Step> path_;
  std::optional<base::Error> error_;
};

void JsonReader::fail(std::string_view wanted) {
  if (error_) {
    return;
  }
  std::string path;
  for (const auto& step : path_) {
    if (step.name.empty()) {
      path += fmt::format("[{}]", step.index);
    } else {
      path += fmt::format("{}{}", path.empty() ? "" : ".", base::escape_terminal(step.name));
    }
  }
  std::string got = at_->is_structured() ? fmt::format("an {}", at_->type_name())
                                         : at_->dump(-1, ' ', false, Json::error_handler_t::replace);
  if (got.size() > 60) {
    got = got.substr(0, 60) + "...";
  }
  error_ = base::Error{.kind = base::ErrorKind::parse,
                       .message = fmt::format("{}: expected {}, got {}", path.empty() ? "document" : path, wanted,
                                              base::escape_terminal(got))};
}

void JsonReader::read(bool& value) {
  if (expect(at_->is_boolean(), "true or false")) {
    value = at_->get<bool>();
  }
}

void JsonReader::read(double& value) {
  if (expect(at_->is_number(), "a number")) {
    value = at_->get<double>();
  }
}

void JsonReader::read(std::string& value) {
  if (expect(at_->is_string(), "a string")) {
    value = at_->get_ref<const std::string&>();
  }
}

void JsonReader::read(cgroup::Counters& value) {
  value.clear();
  if (expect(at_->is_object(), "an object")) {
    for (const auto& [name, number] : at_->items()) {
      descend({.name = name}, number, [&] { read(value.emplace_back(name, 0).second); });
    }
  }
}

void JsonReader::read(std::vector<std::pair<std::string, std::string>>& value) {
  value.clear();
  if (expect(at_->is_object(), "an object")) {
    for (const auto& [name, text] : at_->items()) {
      descend({.name = name}, text, [&] { read(value.emplace_back(name, "").second); });
    }
  }
}

void JsonReader::rest(cgroup::Counters& counters, std::initializer_list<std::string_view> known) {
  counters.clear();
  for (const auto& [name, number] : at_->items()) {
    if (std::ranges::find(known, name) == known.end() && number.is_number_unsigned()) {
      counters.emplace_back(name, number.get<std::uint64_t>());
    }
  }
}

void JsonReader::read(std::optional<std::chrono::microseconds>& value) {
  value.reset();
  if (at_->is_null() || !expect(at_->is_number(), "a number of seconds or null")) {
    return;
  }
  const double seconds = at_->get<double>();
  constexpr double kHundredYears = 3.2e9;
  if (expect(seconds >= 0 && seconds < kHundredYears, "seconds from 0")) {
    value = std::chrono::microseconds(std::llround(seconds * 1e6));
  }
}

void JsonReader::timeline(std::string_view name, std::vector<cgroup::Sample>& samples) {
  // Columns are found by name, so that a later version may add some.
  std::array<std::optional<std::size_t>, kTimelineColumns.size()> column_at;
  const auto columns = [&] {
    elements([&](std::size_t i) {
      std::string column;
      read(column);
      const auto known = std::ranges::find(kTimelineColumns, column);
      if (known != kTimelineColumns.end()) {
        column_at[static_cast<std::size_t>(known - kTimelineColumns.begin())] = i;
      }
    });
  };
  const auto cell = [&](std::size_t column, auto& value) {
    const auto index = column_at[column];
    if (index && *index < at_->size() && !error_) {
      descend({.name = {}, .index = *index}, (*at_)[*index], [&] { read(value); });
    }
  };
  const auto row = [&](std::size_t) {
    if (!expect(at_->is_array(), "a list")) {
      return;
    }
    auto& sample = samples.emplace_back();
    std::optional<std::chrono::microseconds> t;
    cell(0, t);
    sample.t = t.value_or(std::chrono::microseconds(0));
    cell(1, sample.memory);
    cell(2, sample.swap);
    cell(3, sample.anon);
    cell(4, sample.file);
    cell(5, sample.shmem);
    cell(6, sample.kernel);
    cell(7, sample.psi_some);
    cell(8, sample.psi_full);
  };
  samples.clear();
  object(name, [&] {
    with("columns", columns);
    with("rows", [&] { elements(row); });
  });
}

template <typename T>
  requires std::is_class_v<T>
void JsonReader::read(T& value) {
  value = T{};
  if (expect(at_->is_object(), "an object")) {
    fields(*this, value);
  }
}

base::Result<Postmortem> from_json(std::string_view text) {
  JsonReader::Json root;
  try {
    root = JsonReader::Json::parse(text);
  } catch (const nlohmann::json::exception& exception) {
    std::string_view what =
        exception.what();  // "[json.exception.parse_error.101] parse error at line 1, column 2: ..."
    what.remove_prefix(std::min(what.find("] ") == std::string_view::npos ? 0 : what.find("] ") + 2, what.size()));
    return base::fail(base::ErrorKind::parse, fmt::format("not JSON: {}", base::escape_terminal(what)));
  }
  JsonReader reader(root);
  std::string schema;
  Postmortem document;
  if (!root.is_object()) {
    reader.fail("a post-mortem object");
  } else {
    reader.member("schema", schema);
    if (!reader.error() && schema != kSchemaName) {
      return base::fail(base::ErrorKind::parse,
                        schema.empty() ? fmt::format("schema: expected \"{}\", which is missing", kSchemaName)
                                       : fmt::format(R"(schema: expected "{}", got "{}")", kSchemaName,
                                                     base::escape_terminal(schema.substr(0, 60))));
    }
    reader.member("inputs", document.inputs);
    reader.member("run", document.run);
    reader.member("incidents", document.incidents);
    reader.member("episodes", document.episodes);
    reader.member("reconciliation", document.reconciliation);
    reader.member("warnings", document.warnings);
  }
  if (reader.error()) {
    return std::unexpected(*reader.error());
  }
  return document;
}

}  // namespace forensics

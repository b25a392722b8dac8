#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "cgroup/model.h"

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

}  // namespace forensics

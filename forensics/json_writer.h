#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cgroup/model.h"
#include "forensics/json.h"

namespace forensics {

// Text straight into a string, no tree in between. It describes itself as an archive: fields() of json_fields.h calls
// member() for each member.
class JsonWriter {
 public:
  explicit JsonWriter(Layout layout) : layout_(layout) {}

  // One member of the open object. Nothing is null; a list, a struct or a counter list is written whole.
  template <typename T>
  void member(std::string_view name, const T& value) {
    key(name);
    write(value);
  }
  // An object that has no struct of its own: body calls member().
  template <typename Body>
  void object(std::string_view name, Body body) {
    key(name);
    open('{', false);
    body();
    close('}');
  }
  // Members of the open object whose names the kernel chose.
  void rest(const cgroup::Counters& counters, std::initializer_list<std::string_view> known);
  void timeline(std::string_view name, const std::vector<cgroup::Sample>& samples);
  [[nodiscard]] static constexpr bool is_writer() { return true; }

  // The whole text; a newline ends it.
  std::string finish() &&;

  void open(char bracket, bool one_line);
  void close(char bracket);

 private:
  void key(std::string_view name);
  void item();  // comma, newline and indentation before the next member or element
  void text(std::string_view bytes);
  void microseconds(std::optional<std::chrono::microseconds> value);

  void write(bool value) { out_ += value ? "true" : "false"; }
  void write(double value);
  void write(std::string_view value) { text(value); }
  void write(const std::string& value) { text(value); }
  void write(std::integral auto value) { number(static_cast<std::int64_t>(value)); }
  void write(std::uint64_t value) { number(value); }
  void write(const cgroup::Counters& counters);
  void write(const std::vector<std::pair<std::string, std::string>>& pairs);
  void number(std::int64_t value);
  void number(std::uint64_t value);

  template <typename T>
  void write(const std::optional<T>& value) {
    if (value) {
      write(*value);
    } else {
      out_ += "null";
    }
  }
  template <typename T>
  void write(const std::vector<T>& list);
  template <typename T>
    requires std::is_class_v<T>
  void write(const T& value);

  struct Level {
    bool one_line = false;
    bool empty = true;
  };
  std::string out_;
  std::vector<Level> levels_;
  Layout layout_;
  bool after_key_ = false;
};

}  // namespace forensics

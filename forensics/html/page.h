#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace forensics::html {

// Text as the content of an element or of a quoted attribute: safe on a terminal first (base::escape_terminal), then
// without any character that HTML knows.
std::string escape(std::string_view text);

// Markup of ours with a place {} for each argument: known when this is compiled, so that no text from outside can be
// markup.
template <std::size_t Places>
class Form {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a literal is a form
  consteval Form(const char* text) : text_(text) {
    std::size_t places = 0;
    for (std::size_t at = text_.find("{}"); at != std::string_view::npos; at = text_.find("{}", at + 2)) {
      ++places;
    }
    if (places != Places) {
      throw "the form has another number of places than there are arguments";
    }
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// A page that is being written: one HTML file that needs no other, in which nothing but its own style and script may
// do anything.
class Page {
 public:
  explicit Page(std::string_view title);

  // The form with its arguments, each of which is escaped.
  template <typename... Arguments>
  void put(Form<sizeof...(Arguments)> form, const Arguments&... arguments) {
    const std::array<std::string, sizeof...(Arguments)> texts{argument(arguments)...};
    fill(form.text(), texts);
  }

  // Running text; what stands between backticks is code.
  void prose(std::string_view text);

  std::string finish() &&;

 private:
  static std::string argument(std::string_view text) { return escape(text); }
  static std::string argument(std::integral auto number) { return std::to_string(number); }
  static std::string argument(double number);  // two decimals at most: a coordinate, a share
  void fill(std::string_view form, std::span<const std::string> texts);

  std::string out_;
};

// style.css and sort.js as they were when this was built.
std::string_view style_sheet();
std::string_view sort_script();

}  // namespace forensics::html

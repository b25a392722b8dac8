#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>

namespace base {

// A cursor over text. Every reader consumes its whole shape or nothing, so alternatives compose.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  [[nodiscard]] std::string_view rest() const { return rest_; }
  [[nodiscard]] bool done() const { return rest_.empty(); }

  // Consumes exactly this text.
  bool literal(std::string_view text) {
    const bool begins = text.empty() || (!rest_.empty() && rest_.front() == text.front());  // most differ here
    if (!begins || !rest_.starts_with(text)) {
      return false;
    }
    rest_.remove_prefix(text.size());
    return true;
  }

  // Consumes a decimal (or other base) number of type T; nothing on overflow.
  template <std::integral T>
  std::optional<T> number(int base = 10) {
    T value{};
    const auto [stop, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value, base);
    if (error != std::errc{}) {
      return std::nullopt;
    }
    rest_.remove_prefix(static_cast<std::size_t>(stop - rest_.data()));
    return value;
  }

  // Consumes up to and including the separator and returns what was before it; nothing if the separator is not there.
  std::optional<std::string_view> until(std::string_view separator) {
    const auto at = rest_.find(separator);
    if (at == std::string_view::npos) {
      return std::nullopt;
    }
    const auto before = rest_.substr(0, at);
    rest_.remove_prefix(at + separator.size());
    return before;
  }

  // Consumes a run of bytes other than blanks and newlines; nothing if there is none.
  std::optional<std::string_view> word() {
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != ' ' && rest_[end] != '\t' && rest_[end] != '\n') {
      ++end;
    }
    if (end == 0) {
      return std::nullopt;
    }
    const auto found = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return found;
  }

  // Consumes blanks (space, tab), any number.
  void skip_blanks() {
    std::size_t blanks = 0;
    while (blanks < rest_.size() && (rest_[blanks] == ' ' || rest_[blanks] == '\t')) {
      ++blanks;
    }
    rest_.remove_prefix(blanks);
  }

 private:
  std::string_view rest_;
};

}  // namespace base

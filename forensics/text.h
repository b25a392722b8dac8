#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "cgroup/model.h"

// The small readers that every line recogniser is made of. None of them allocates but read_pairs.
namespace forensics {

inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

inline std::string_view trim_left(std::string_view text) {
  std::size_t blanks = 0;
  while (blanks < text.size() && is_blank(text[blanks])) {
    ++blanks;
  }
  text.remove_prefix(blanks);
  return text;
}
inline std::string_view trim_right(std::string_view text) {
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\r' || text.back() == '\n')) {
    text.remove_suffix(1);
  }
  return text;
}
inline std::string_view trim(std::string_view text) {
  return trim_left(trim_right(text));
}

// text.starts_with(start), of which neither is known to the compiler and most differ in the first byte; start is not
// empty.
inline bool begins_with(std::string_view text, std::string_view start) {
  return !text.empty() && text.front() == start.front() && text.starts_with(start);
}

// How many digits the text begins with.
inline std::size_t leading_digits(std::string_view text) {
  std::size_t digits = 0;
  while (digits < text.size() && is_digit(text[digits])) {
    ++digits;
  }
  return digits;
}

// The whole text as a number; nothing when anything else is in it or it does not fit.
template <std::integral T>
std::optional<T> whole_number(std::string_view text, int base = 10) {
  T value{};
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    return std::nullopt;
  }
  return value;
}

// The number that stands directly after `key`, which is searched from `from` on; "order=-1" with the key "order=" is
// -1.
template <std::integral T>
std::optional<T> number_after(std::string_view text, std::string_view key, std::size_t from = 0) {
  const auto at = text.find(key, from);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  T value{};
  const char* first = text.data() + at + key.size();
  const auto [stop, error] = std::from_chars(first, text.data() + text.size(), value);
  return error == std::errc{} ? std::optional<T>(value) : std::nullopt;
}

// "total-vm:68000kB" with the key "total-vm:" as bytes; nothing when the number has no unit (a cut line) or does not
// fit. KB is kB.
std::optional<std::uint64_t> kilobytes_after(std::string_view text, std::string_view key, std::size_t from = 0);

// Whether a pager or a poster cut the text's last word, and says so: "gfp_ma>", "anon-rss:12...", "12…".
bool is_cut_short(std::string_view text);

// A list of nodes at the front of the text, "(null)", "0", "0-1", "0,2-3": it may hold commas, so it ends at the first
// byte that no list has. Empty when there is none.
std::string_view node_list(std::string_view text);

// value * factor, or the largest value when that does not fit (transient negatives are printed as huge unsigned
// numbers).
std::uint64_t saturated(std::uint64_t value, std::uint64_t factor);

// "free:47116kB min:1864kB isolated(anon):16kB shmem_thp: 0kB pages_scanned:3" as named figures; sizes become bytes,
// bare numbers stay. `complete` is cleared when a name had no readable value (a cut or broken line), which is then left
// out.
struct Pairs {
  cgroup::Counters counters;
  std::optional<bool> all_unreclaimable;  // "all_unreclaimable? yes"
  bool complete = true;
};
Pairs read_pairs(std::string_view text);

}  // namespace forensics

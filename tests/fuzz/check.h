#pragma once

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string_view>

// What the fuzz targets share.
namespace fuzz {

// A property that an input broke ends the run, as libFuzzer wants it.
inline void check(bool holds, const char* property) {
  if (!holds) {
    std::fprintf(stderr, "broken: %s\n", property);
    std::abort();
  }
}

// When the fuzzer searches, the costly checks take turns, told by the input's own bytes, so that what it finds can be
// done again; when a corpus is replayed, each is done with each input.
inline bool is_turn(std::string_view input, std::size_t which, std::size_t of) {
#ifdef OOMLAB_REPLAY
  (void)input, (void)which, (void)of;
  return true;
#else
  std::size_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : input) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  return hash % of == which;
#endif
}

inline std::string_view text_of(const unsigned char* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Whether a view lies within a text. An empty one may be anywhere.
inline bool is_within(std::string_view view, std::string_view text) {
  const std::less_equal<> before;
  return view.empty() ||
         (before(text.data(), view.data()) && before(view.data() + view.size(), text.data() + text.size()));
}

inline bool is_within(const std::optional<std::string_view>& view, std::string_view text) {
  return !view || is_within(*view, text);
}

// Hands out the lines of a text one after the other: without their newline, the last one even when it has none.
template <typename Take>
void for_each_line(std::string_view text, Take take) {
  while (!text.empty()) {
    const auto newline = text.find('\n');
    take(text.substr(0, newline));
    text.remove_prefix(newline == std::string_view::npos ? text.size() : newline + 1);
  }
}

}  // namespace fuzz

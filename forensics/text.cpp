#include "forensics/text.h"

#include <algorithm>
#include <limits>
#include <string>

namespace forensics {
namespace {

bool is_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '(' || c == ')' ||
         c == '-';
}

bool ends_pair(char c) {
  return is_blank(c) || c == '\n';
}

bool ends_amount(char c) {
  return ends_pair(c) || c == ',';
}

// The length of what is before the first byte that is meant, of the whole text when there is none.
template <typename Meant>
std::size_t length_until(std::string_view text, Meant meant) {
  return static_cast<std::size_t>(std::ranges::find_if(text, meant) - text.begin());
}

bool has_unit(std::string_view rest) {
  return rest.starts_with("kB") || rest.starts_with("KB");
}

}  // namespace

bool is_cut_short(std::string_view text) {
  if (text.empty() || (text.back() != '>' && text.back() != '.' && text.back() != '\xa6')) {
    return false;  // most words, without looking further
  }
  const bool pager = text.ends_with('>') && text.find('<', text.find_last_of(" \t") + 1) == std::string_view::npos;
  return pager || text.ends_with("...") || text.ends_with("\u2026");
}

std::string_view node_list(std::string_view text) {
  if (text.starts_with("(null)")) {
    return text.substr(0, 6);
  }
  auto list = text.substr(0, std::min(text.find_first_not_of("0123456789,-"), text.size()));
  while (list.ends_with(',')) {
    list.remove_suffix(1);
  }
  return list;
}

std::uint64_t saturated(std::uint64_t value, std::uint64_t factor) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(value, factor, &product) ? std::numeric_limits<std::uint64_t>::max() : product;
}

std::optional<std::uint64_t> kilobytes_after(std::string_view text, std::string_view key, std::size_t from) {
  const auto at = text.find(key, from);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  auto rest = text.substr(at + key.size());
  const auto digits = leading_digits(rest);
  const auto value = whole_number<std::uint64_t>(rest.substr(0, digits));
  rest.remove_prefix(digits);
  // Linux 4.6 printed "lkB" for one field.
  if (!value || !(has_unit(rest) || rest.starts_with("lkB"))) {
    return std::nullopt;
  }
  return saturated(*value, 1024);
}

namespace {

// "123kB", "123" from the front of the text up to a blank or a comma; nothing, behind it all the same, when it is
// neither.
std::optional<std::uint64_t> take_amount(std::string_view& text) {
  const auto word = text.substr(0, length_until(text, ends_amount));
  text.remove_prefix(word.size());
  const auto digits = leading_digits(word);
  const auto value = whole_number<std::uint64_t>(word.substr(0, digits));
  const auto unit = word.substr(digits);
  if (!value || unit.empty()) {
    return value;
  }
  return unit == "kB" || unit == "KB" ? std::optional(saturated(*value, 1024)) : std::nullopt;
}

}  // namespace

Pairs read_pairs(std::string_view text) {
  constexpr std::size_t kMostPairs = 256;
  Pairs pairs;
  while (true) {
    text.remove_prefix(length_until(text, [](char c) { return !ends_amount(c); }));
    if (text.empty()) {
      return pairs;
    }
    const auto name_end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_name_char) - text.begin());
    const auto name = text.substr(0, name_end);
    text.remove_prefix(name_end);
    if (name == "all_unreclaimable" && text.starts_with('?')) {
      text = trim_left(text.substr(1));
      if (text.starts_with("yes") || text.starts_with("no")) {
        pairs.all_unreclaimable = text.starts_with("yes");
      }
      text.remove_prefix(length_until(text, ends_pair));
      continue;
    }
    if (name.empty() || !text.starts_with(':')) {
      pairs.complete = false;
      text.remove_prefix(length_until(text, ends_pair));
      continue;
    }
    text = trim_left(text.substr(1));
    const auto amount = take_amount(text);
    if (!amount) {
      pairs.complete = false;
      continue;
    }
    // Two rows that a paste ran into one hold every name twice; the first row is the whole one.
    if (std::ranges::find(pairs.counters, name, &std::pair<std::string, std::uint64_t>::first) ==
            pairs.counters.end() &&
        pairs.counters.size() < kMostPairs) {
      pairs.counters.emplace_back(std::string(name), *amount);
    }
  }
}

}  // namespace forensics

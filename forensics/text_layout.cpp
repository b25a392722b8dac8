#include "forensics/text_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace forensics {
namespace {

struct Glyph {
  std::string_view bytes;
  std::size_t columns;
};

// The first character of valid UTF-8 text, which is not empty.
Glyph first_glyph(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first >= ' ' && first <= '~') {
    return {text.substr(0, 1), 1};
  }
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  const auto bytes = text.substr(0, std::min(length, text.size()));
  std::uint32_t point = length == 1 ? first : first & (0x7fU >> length);
  for (const char c : bytes.substr(1)) {
    point = (point << 6) | (static_cast<unsigned char>(c) & 0x3fU);
  }
  return {bytes, cells_of(point)};
}

// The longest start of text that takes at most that many columns; at least one character, so that loops end.
std::string_view head(std::string_view text, std::size_t columns) {
  std::size_t used = 0, bytes = 0;
  while (bytes < text.size()) {
    const auto glyph = first_glyph(text.substr(bytes));
    if (used + glyph.columns > columns && bytes > 0) {
      break;
    }
    used += glyph.columns;
    bytes += glyph.bytes.size();
  }
  return text.substr(0, bytes);
}

// Where the first word ends: a figure keeps its unit ("64 MiB", "78 %").
std::size_t end_of_word(std::string_view text) {
  const auto end = std::min(text.find(' '), text.size());
  if (end == 0 || end == text.size() || text[end - 1] < '0' || text[end - 1] > '9') {
    return end;
  }
  const auto rest = text.substr(end + 1);
  constexpr std::array<std::string_view, 9> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "%", "s", "ms", "min"};
  for (const auto unit : kUnits) {
    const bool ends = rest.size() == unit.size() ||
                      (rest.size() > unit.size() && std::string_view(" ,.;:)/").contains(rest[unit.size()]));
    if (rest.starts_with(unit) && ends) {
      return end + 1 + std::min(rest.find(' '), rest.size());
    }
  }
  return end;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto glyph = first_glyph(text);
    columns += glyph.columns;
    text.remove_prefix(glyph.bytes.size());
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) {
    return std::string(text);
  }
  return columns <= 1 ? "…" : std::string(head(text, columns - 1)) + "…";
}

std::string pad(std::string_view text, std::size_t columns, Align align) {
  const auto used = display_width(text);
  const std::string blanks(columns > used ? columns - used : 0, ' ');
  return align == Align::left ? std::string(text) + blanks : blanks + std::string(text);
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines(1);
  std::size_t used = 0;
  while (!text.empty()) {
    const auto end = end_of_word(text);
    auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) {
      continue;
    }
    auto width = display_width(word);
    if (used > 0 && used + 1 + width > columns) {
      lines.emplace_back();
      used = 0;
    } else if (used > 0) {
      lines.back() += ' ';
      ++used;
    }
    while (width > columns) {
      const auto part = head(word, columns);
      lines.back() += part;
      lines.emplace_back();
      word.remove_prefix(part.size());
      width = display_width(word);
    }
    lines.back() += word;
    used += width;
  }
  if (lines.size() > 1 && lines.back().empty()) {
    lines.pop_back();
  }
  return lines;
}

std::string bar(double share, std::size_t cells) {
  constexpr std::array<std::string_view, 8> kEighths = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const double clamped = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) : 0;
  auto eighths = static_cast<std::size_t>(std::lround(clamped * static_cast<double>(cells) * 8));
  if (clamped > 0 && eighths == 0) {
    eighths = 1;  // something is there
  }
  std::string out;
  for (std::size_t i = 0; i < eighths / 8; ++i) {
    out += "█";
  }
  out += kEighths[eighths % 8];
  return pad(out, cells);
}

std::string sparkline(std::span<const std::optional<double>> values) {
  constexpr std::array<std::string_view, 8> kLevels = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  std::string out;
  for (const auto& value : values) {
    if (!value) {
      out += ' ';
      continue;
    }
    const double clamped = std::isfinite(*value) ? std::clamp(*value, 0.0, 1.0) : 0;
    out += kLevels[std::min<std::size_t>(static_cast<std::size_t>(clamped * 8), 7)];
  }
  return out;
}

}  // namespace forensics

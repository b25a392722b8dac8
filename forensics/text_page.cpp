#include "forensics/text_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"

namespace forensics {
namespace {

constexpr std::size_t kLabelColumns = 12;  // "  kernel    "
constexpr std::size_t kWidestProse =
    120;  // the eye loses the line in longer ones; tables and bars use all of the width

std::string_view sgr(Tone tone) {
  switch (tone) {
    case Tone::plain:
      return "";
    case Tone::strong:
      return "\x1b[1m";
    case Tone::bad:
      return "\x1b[1;31m";
    case Tone::good:
      return "\x1b[1;32m";
    case Tone::dim:
      return "\x1b[2m";
    case Tone::accent:
      return "\x1b[36m";
  }
  return "";
}

std::string_view without_trailing_blanks(std::string_view text) {
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

// Of each column, what its widest cell takes.
std::vector<std::size_t> full_widths(const std::vector<Page::Column>& columns, const std::vector<Page::Row>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    std::size_t widest = display_width(columns[i].title);
    for (const auto& row : rows) {
      widest = std::max(widest, display_width(row.cells[i]));
    }
    widths.push_back(widest);
  }
  return widths;
}

// By how much a line is too long, with two blanks before each column and the flexible ones cut to so much.
std::size_t excess(const std::vector<Page::Column>& columns, const std::vector<std::size_t>& widths,
                   std::size_t flexible_least, std::size_t available) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    total += widths[i] == 0 ? 0 : 2 + (columns[i].flexible ? std::min(widths[i], flexible_least) : widths[i]);
  }
  return total > available ? total - available : 0;
}

// Of each column, 0 where it is left out: all of them in so many columns of the terminal.
std::vector<std::size_t> column_widths(const std::vector<Page::Column>& columns, const std::vector<Page::Row>& rows,
                                       std::size_t available) {
  constexpr std::size_t kReadable = 10, kLeast = 4;
  auto widths = full_widths(columns, rows);
  for (unsigned order = 1; order <= columns.size() && excess(columns, widths, kReadable, available) > 0; ++order) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      widths[i] = columns[i].droppable == order ? 0 : widths[i];
    }
  }
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].flexible) {
      const auto over = excess(columns, widths, widths[i], available);
      widths[i] = std::max(widths[i] - std::min(widths[i], over), std::min(widths[i], kLeast));
    }
  }
  return widths;
}

}  // namespace

std::string shown(std::string_view bytes) {
  return base::escape_terminal(bytes);
}

Page::Page(const RenderOptions& options)
    : width_(std::clamp<std::size_t>(options.width, 40, 200)), colour_(options.colour) {}

std::string Page::paint(Tone tone, std::string_view text) const {
  if (!colour_ || tone == Tone::plain || text.empty()) {
    return std::string(text);
  }
  return fmt::format("{}{}\x1b[0m", sgr(tone), text);
}

std::size_t Page::prose(std::size_t indent) const {
  return std::min(width_, kWidestProse) - indent;
}

void Page::line(std::string_view text) {
  out_ += without_trailing_blanks(text);
  out_ += '\n';
}

void Page::paragraph(std::string_view text, Tone tone, std::size_t indent) {
  const std::string blanks(indent, ' ');
  for (const auto& part : wrap(shown(text), prose(indent))) {
    line(blanks + paint(tone, part));
  }
}

void Page::heading(std::string_view text) {
  line();
  line(paint(Tone::strong, shown(text)));
}

void Page::fact(std::string_view label, std::string_view text) {
  auto lead = paint(Tone::dim, pad("  " + std::string(label), kLabelColumns));
  for (const auto& part : wrap(shown(text), prose(kLabelColumns))) {
    line(lead + part);
    lead = std::string(kLabelColumns, ' ');
  }
}

void Page::gauge(std::string_view label, double share, std::string_view text, Tone tone) {
  const auto cells = std::clamp<std::size_t>((width_ - kLabelColumns) / 3, 8, 30);
  const auto lead =
      paint(Tone::dim, pad("  " + std::string(label), kLabelColumns)) + paint(tone, bar(share, cells)) + "  ";
  const auto used = kLabelColumns + cells + 2;
  bool first = true;
  for (const auto& part : wrap(shown(text), prose(used))) {
    line((first ? lead : std::string(used, ' ')) + part);
    first = false;
  }
}

void Page::bullet(std::string_view marker, std::string_view text, std::size_t indent, Tone tone) {
  const auto used = indent + display_width(marker) + 1;
  bool first = true;
  for (const auto& part : wrap(shown(text), prose(used))) {
    line((first ? std::string(indent, ' ') + std::string(marker) + " " : std::string(used, ' ')) + paint(tone, part));
    first = false;
  }
}

void Page::table(const std::vector<Column>& columns, std::vector<Row> rows) {
  for (auto& row : rows) {
    for (auto& cell : row.cells) {
      cell = shown(cell);
    }
  }
  const auto widths = column_widths(columns, rows, width_);
  const auto text_of = [&](auto cell) {
    std::string text;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (widths[i] > 0) {
        text += "  " + pad(fit(cell(i), widths[i]), widths[i], columns[i].align);
      }
    }
    return std::string(without_trailing_blanks(text));
  };
  line(paint(Tone::dim, text_of([&](std::size_t i) { return columns[i].title; })));
  for (const auto& row : rows) {
    line(paint(row.tone, text_of([&](std::size_t i) { return row.cells[i]; })));
  }
}

}  // namespace forensics

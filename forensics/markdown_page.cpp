#include "forensics/markdown_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"

namespace forensics {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_plain(char c) {
  return is_letter(c) || is_digit(c) || (static_cast<unsigned char>(c) & 0x80U) != 0;
}

bool starts_with_www(std::string_view word) {
  return word.size() >= 4 && (word[0] | 0x20) == 'w' && (word[1] | 0x20) == 'w' && (word[2] | 0x20) == 'w' &&
         word[3] == '.';
}

// What could be the name of a commit, which GitHub and GitLab link.
bool is_like_a_commit(std::string_view word) {
  const auto is_hex = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); };
  return word.size() >= 7 && std::ranges::all_of(word, is_hex) && std::ranges::any_of(word, is_letter);
}

// "GH-12", "JIRA-7": references to issues, some of them made up by the project.
bool is_like_a_reference(std::string_view word) {
  const auto dash = word.rfind('-');
  return dash != std::string_view::npos && dash > 0 && dash + 1 < word.size() &&
         std::ranges::all_of(word.substr(0, dash), is_letter) && std::ranges::all_of(word.substr(dash + 1), is_digit);
}

// Whether a word, without the punctuation around it, means nothing to any Markdown.
bool is_harmless(std::string_view word) {
  const auto fits = [](char c) { return is_plain(c) || std::string_view(".,-+/%:='();?\"").contains(c); };
  if (word.empty()) {
    return true;
  }
  const bool starts_well = is_plain(word.front()) || word == "%" || word == "+" || word == "=" || word == "-";
  return starts_well && std::ranges::all_of(word, fits) && !word.contains("://") && !starts_with_www(word) &&
         std::ranges::count(word, ':') < 2 && !is_like_a_commit(word) && !is_like_a_reference(word);
}

// "1." and "1)" at the start of a line are lists, "-", "+" and "=" more.
bool is_marker(std::string_view word) {
  const auto digits = std::ranges::find_if_not(word, is_digit) - word.begin();
  return !is_plain(word.front()) || (digits > 0 && static_cast<std::size_t>(digits) < word.size());
}

// As HTML, where every character that is punctuation is a numeric reference: for what backticks cannot hold.
std::string html_code(std::string_view text) {
  std::string out = "<code>";
  bool blank = true;  // before this character, or the start: a blank there would vanish
  for (const char c : text) {
    if (is_plain(c) || (c == ' ' && !blank)) {
      out += c;
    } else {
      out += fmt::format("&#{};", static_cast<unsigned>(static_cast<unsigned char>(c)));
    }
    blank = c == ' ';
  }
  return out + "</code>";
}

// Text that is safe on a terminal already.
std::string code(std::string_view text) {
  const bool simple = !text.empty() && text.find_first_of("`|\\") == std::string_view::npos && text.front() != ' ' &&
                      text.back() != ' ' && !text.contains("  ");
  return simple ? fmt::format("`{}`", text) : html_code(text);
}

// A word of running text.
std::string shown_word(std::string_view word, bool first) {
  constexpr std::string_view kBefore = "(\"'", kAfter = ".,;:?)\"'";
  const auto begin = std::min(word.find_first_not_of(kBefore), word.size());
  const auto end = word.find_last_not_of(kAfter);
  const auto core =
      end == std::string_view::npos || end < begin ? std::string_view{} : word.substr(begin, end + 1 - begin);
  const bool marks = first && (core.empty() || is_marker(word));
  if (!marks && is_harmless(core)) {
    return std::string(word);
  }
  if (core.empty() || (first && begin > 0)) {
    return code(word);
  }
  // What follows a name that is code at the start of a line cannot make it a list.
  return std::string(word.substr(0, begin)) + code(core) + std::string(word.substr(end + 1));
}

std::string running(std::string_view text, bool first) {
  std::string out;
  while (!text.empty()) {
    const auto blanks = text.find_first_not_of(' ');
    if (blanks != 0) {
      out += ' ';
      text.remove_prefix(std::min(blanks, text.size()));
      continue;
    }
    const auto word = text.substr(0, text.find(' '));
    out += shown_word(word, first);
    first = false;
    text.remove_prefix(word.size());
  }
  return out;
}

std::size_t longest_run_of_backticks(const std::vector<std::string>& lines) {
  std::size_t longest = 0;
  for (const auto& line : lines) {
    std::size_t run = 0;
    for (const char c : line) {
      run = c == '`' ? run + 1 : 0;
      longest = std::max(longest, run);
    }
  }
  return longest;
}

}  // namespace

std::string markdown_code(std::string_view text) {
  return code(base::escape_terminal(text));
}

std::string markdown_prose(std::string_view text, MarkdownAt at) {
  const auto safe = base::escape_terminal(text);
  const bool starts_line = at == MarkdownAt::start_of_line;
  std::string out;
  std::string_view rest = safe;
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  rest = rest.substr(0, rest.find_last_not_of(' ') + 1);
  while (!rest.empty()) {
    const auto open = rest.find('`');
    const auto close = open == std::string_view::npos ? open : rest.find('`', open + 1);
    if (close == std::string_view::npos) {
      return out + running(rest, starts_line && out.empty());
    }
    out += running(rest.substr(0, open), starts_line && out.empty());
    out += code(rest.substr(open + 1, close - open - 1));
    rest.remove_prefix(close + 1);
  }
  return out;
}

void MarkdownPage::gap() {
  if (!out_.empty() && !out_.ends_with("\n\n")) {
    out_ += '\n';
  }
}

void MarkdownPage::heading(unsigned level, std::string_view text) {
  gap();
  out_ += std::string(level, '#') + ' ' + markdown_prose(text) + "\n\n";
}

void MarkdownPage::paragraph(std::string_view text) {
  gap();
  out_ += markdown_prose(text) + "\n\n";
}

void MarkdownPage::strong(std::string_view text) {
  if (const auto prose = markdown_prose(text); !prose.empty()) {
    gap();
    out_ += fmt::format("**{}**\n\n", prose);
  }
}

void MarkdownPage::numbered(std::size_t number, std::string_view text) {
  out_ += fmt::format("{}. {}\n", number, markdown_prose(text));
}

void MarkdownPage::bullet(std::string_view text, std::size_t indent) {
  out_ += fmt::format("{}- {}\n", std::string(indent, ' '), markdown_prose(text));
}

void MarkdownPage::table(std::span<const Column> columns, const std::vector<std::vector<std::string>>& rows) {
  gap();
  std::string rule = "|";
  out_ += '|';
  for (const auto& column : columns) {
    out_ += fmt::format(" {} |", markdown_prose(column.title, MarkdownAt::inside));
    rule += column.align == Align::right ? " ---: |" : " --- |";
  }
  out_ += '\n' + rule + '\n';
  for (const auto& row : rows) {
    out_ += '|';
    for (const auto& cell : row) {
      out_ += fmt::format(" {} |", markdown_prose(cell, MarkdownAt::inside));
    }
    out_ += '\n';
  }
  out_ += '\n';
}

void MarkdownPage::collapsed(std::string_view title, const std::vector<std::string>& lines) {
  gap();
  const auto fence = std::string(std::max<std::size_t>(3, longest_run_of_backticks(lines) + 1), '`');
  out_ += fmt::format("<details>\n<summary>{}</summary>\n\n{}text\n", markdown_prose(title), fence);
  for (const auto& line : lines) {
    out_ += base::escape_terminal(line) + '\n';
  }
  out_ += fence + "\n\n</details>\n\n";
}

std::string MarkdownPage::finish() && {
  out_.resize(out_.find_last_not_of('\n') + 1);
  return std::move(out_) + '\n';
}

}  // namespace forensics

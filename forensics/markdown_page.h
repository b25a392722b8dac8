#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace forensics {

// Text as Markdown shows it and nothing else: no markup, link, mention, reference, emoji or formula begins in it, in
// GitHub's, GitLab's and Gitea's Markdown. Words that could begin one, and what stands between backticks, become code.
// Fits into one line of a paragraph, a list or a table.
enum class MarkdownAt { start_of_line, inside };
std::string markdown_prose(std::string_view text, MarkdownAt at = MarkdownAt::start_of_line);

// The text as inline code, fit for a table's cell too.
std::string markdown_code(std::string_view text);

// A page of Markdown that is being written. It escapes everything that it is given.
class MarkdownPage {
 public:
  void heading(unsigned level, std::string_view text);
  void paragraph(std::string_view text);
  void strong(std::string_view text);  // a paragraph
  // "1. text" or "- text", two levels; the marker of a numbered item is its number.
  void numbered(std::size_t number, std::string_view text);
  void bullet(std::string_view text, std::size_t indent);
  void gap();  // an empty line, unless there is one

  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  void table(std::span<const Column> columns, const std::vector<std::vector<std::string>>& rows);

  // Lines as they are in a box that a click opens; the title is of letters and figures.
  void collapsed(std::string_view title, const std::vector<std::string>& lines);

  [[nodiscard]] std::size_t size() const { return out_.size(); }
  [[nodiscard]] const std::string& text() const { return out_; }
  std::string finish() &&;

 private:
  std::string out_;
};

}  // namespace forensics

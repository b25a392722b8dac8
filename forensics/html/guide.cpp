#include "forensics/html/guide.h"

#include <algorithm>
#include <string>
#include <vector>

#include "forensics/text.h"

namespace forensics::html {
namespace {

// Up to the closing mark; nothing when there is none.
std::string_view enclosed(std::string_view text, std::string_view mark) {
  const auto end = text.find(mark, mark.size());
  return end == std::string_view::npos ? std::string_view{} : text.substr(mark.size(), end - mark.size());
}

void write_inline(Page& page, std::string_view text) {
  while (!text.empty()) {
    const auto at = text.find_first_of("`*");
    page.put("{}", text.substr(0, at));
    if (at == std::string_view::npos) {
      return;
    }
    text.remove_prefix(at);
    const std::string_view mark = text.starts_with("**") ? "**" : text.substr(0, 1);
    const auto inner = enclosed(text, mark);
    if (inner.empty()) {
      page.put("{}", mark);
      text.remove_prefix(mark.size());
      continue;
    }
    if (mark == "`") {
      page.put("<code>{}</code>", inner);
    } else if (mark == "**") {
      page.put("<strong>");
      write_inline(page, inner);
      page.put("</strong>");
    } else {
      page.put("<em>{}</em>", inner);
    }
    text.remove_prefix(inner.size() + 2 * mark.size());
  }
}

// The block at the front of the lines: as many as its kind goes on.
class Blocks {
 public:
  Blocks(Page& page, std::string_view markdown) : page_(page) {
    while (!markdown.empty()) {
      const auto line = markdown.substr(0, markdown.find('\n'));
      lines_.push_back(line);
      markdown.remove_prefix(std::min(line.size() + 1, markdown.size()));
    }
  }

  void write() {
    while (at_ < lines_.size()) {
      if (lines_[at_].empty()) {
        ++at_;
      } else if (lines_[at_].starts_with("```")) {
        write_fence();
      } else if (lines_[at_].starts_with('#')) {
        write_heading();
      } else if (lines_[at_].starts_with("| ")) {
        write_table();
      } else if (lines_[at_].starts_with("- ")) {
        write_list();
      } else {
        page_.put("<p>");
        write_inline(page_, joined_lines());
        page_.put("</p>\n");
      }
    }
  }

 private:
  void write_fence() {
    page_.put(R"(<div class="lines" role="region" aria-label="Example" tabindex="0"><pre>)");
    for (++at_; at_ < lines_.size() && !lines_[at_].starts_with("```"); ++at_) {
      page_.put("{}\n", lines_[at_]);
    }
    ++at_;
    page_.put("</pre></div>\n");
  }

  void write_heading() {
    const auto level = lines_[at_].find_first_not_of('#');
    page_.put("<h{}>", level + 1);  // the page has a first heading of its own
    write_inline(page_, lines_[at_].substr(level + 1));
    page_.put("</h{}>\n", level + 1);
    ++at_;
  }

  void write_row(bool head) {
    page_.put("<tr>");
    auto row = lines_[at_].substr(2);
    while (!row.empty()) {
      const auto cell = row.substr(0, row.find(" |"));
      row.remove_prefix(std::min(cell.size() + 3, row.size()));
      if (head) {
        page_.put("<th scope=\"col\">");
        write_inline(page_, cell);
        page_.put("</th>");
      } else {
        page_.put("<td>");
        write_inline(page_, cell);
        page_.put("</td>");
      }
    }
    page_.put("</tr>\n");
    ++at_;
  }

  void write_table() {
    page_.put(R"(<div class="scroll" role="region" aria-label="Table" tabindex="0"><table><thead>)");
    write_row(true);
    ++at_;  // the line of dashes
    page_.put("</thead><tbody>\n");
    while (at_ < lines_.size() && lines_[at_].starts_with("| ")) {
      write_row(false);
    }
    page_.put("</tbody></table></div>\n");
  }

  void write_list() {
    page_.put("<ul>\n");
    while (at_ < lines_.size() && lines_[at_].starts_with("- ")) {
      page_.put("<li>");
      write_inline(page_, joined_lines().substr(2));
      page_.put("</li>\n");
    }
    page_.put("</ul>\n");
  }

  // A paragraph or an item, which may go over several lines.
  std::string joined_lines() {
    std::string text(lines_[at_++]);
    while (at_ < lines_.size() && !lines_[at_].empty() && !lines_[at_].starts_with("- ") &&
           !lines_[at_].starts_with("```")) {
      text += ' ';
      text += trim(lines_[at_++]);
    }
    return text;
  }

  Page& page_;
  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
};

}  // namespace

void write_guide(Page& page, std::string_view markdown) {
  Blocks(page, markdown).write();
}

}  // namespace forensics::html

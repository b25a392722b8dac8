#pragma once

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/escape.h"

// What must hold of every output, whatever text was in the document: each returns what is wrong, or nothing.
namespace tests {

inline std::string near(std::string_view text, std::size_t at) {
  return std::string(text.substr(at > 30 ? at - 30 : 0, 90));
}

// Valid UTF-8 without control characters but new lines; `escapes`: colours are allowed.
inline std::string problem_of_characters(std::string_view text, bool escapes = false) {
  if (base::to_valid_utf8(text) != text) {
    return "invalid UTF-8";
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if ((c < 0x20 && c != '\n' && !(escapes && c == 0x1b)) || c == 0x7f) {
      return "a control character: " + near(text, i);
    }
  }
  for (const std::string_view override : {"\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x80\xa8"}) {
    if (text.contains(override)) {
      return "an override of direction or a separator of lines";
    }
  }
  return "";
}

// Every '<' begins one of these tags, every '&' one of these references.
inline std::string problem_of_markup(std::string_view text, std::span<const std::string_view> tags,
                                     std::span<const std::string_view> references) {
  for (auto at = text.find_first_of("<&"); at != std::string_view::npos; at = text.find_first_of("<&", at + 1)) {
    auto rest = text.substr(at + 1);
    bool known = false;
    if (text[at] == '&') {
      known = std::ranges::any_of(references, [&](std::string_view word) { return rest.starts_with(word); });
    } else {
      rest.remove_prefix(rest.starts_with('/') ? 1 : 0);
      const auto name = rest.substr(0, rest.find_first_of(" >/\n"));
      known = std::ranges::find(tags, name) != tags.end();
    }
    if (!known) {
      return "markup that is not ours: " + near(text, at);
    }
  }
  return "";
}

inline std::string problem_of_junit(std::string_view text) {
  constexpr std::string_view kTags[] = {"?xml",       "testsuites", "testsuite",  "testcase", "failure",
                                        "system-out", "system-err", "properties", "property"};
  constexpr std::string_view kReferences[] = {"amp;", "lt;", "gt;", "quot;"};
  if (text.contains("\xef\xbf\xbe") || text.contains("\xef\xbf\xbf") || text.contains("]]>")) {
    return "what XML 1.0 does not know";
  }
  auto problem = problem_of_characters(text);
  return problem.empty() ? problem_of_markup(text, kTags, kReferences) : problem;
}

inline std::string problem_of_html(std::string html) {
  constexpr std::string_view kTags[] = {
      "!doctype", "html",    "head",  "meta",     "title",   "style",      "body",    "script", "header", "main",
      "footer",   "section", "a",     "b",        "caption", "code",       "dd",      "dl",     "dt",     "details",
      "div",      "em",      "h1",    "h2",       "h3",      "h4",         "h5",      "i",      "li",     "ol",
      "p",        "pre",     "small", "span",     "strong",  "summary",    "table",   "tbody",  "td",     "th",
      "thead",    "tr",      "ul",    "figure",   "svg",     "figcaption", "pattern", "rect",   "path",   "defs",
      "circle",   "line",    "text",  "polyline", "button"};
  constexpr std::string_view kReferences[] = {"amp;", "lt;", "gt;", "quot;", "#39;", "nbsp;"};
  for (const auto& [from, to] : {std::pair("<style>", "</style>"), {"<script>", "</script>"}}) {
    const auto begin = html.find(from);
    const auto end = html.find(to);
    if (begin == std::string::npos || end == std::string::npos || html.find(from, begin + 1) != std::string::npos) {
      return "not one style and one script";
    }
    html.erase(begin, end - begin);
  }
  auto problem = problem_of_characters(html);
  return problem.empty() ? problem_of_markup(html, kTags, kReferences) : problem;
}

// Each line is one command, with nothing in its title that ends it.
inline std::string problem_of_github(std::string_view text) {
  auto problem = problem_of_characters(text);
  while (problem.empty() && !text.empty()) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool level = std::ranges::any_of(std::array<std::string_view, 3>{"error", "warning", "notice"},
                                           [&](std::string_view word) { return line.substr(2).starts_with(word); });
    const auto title = line.find(" title=");
    if (!line.starts_with("::") || !level || title == std::string_view::npos || line.find("::", title) == line.npos) {
      return "no command: " + std::string(line.substr(0, 90));
    }
    for (auto at = line.find('%'); at != std::string_view::npos; at = line.find('%', at + 1)) {
      const auto code = line.substr(at + 1, 2);
      if (code != "25" && code != "0A" && code != "3A" && code != "2C") {
        return "a bare per cent sign: " + near(line, at);
      }
    }
  }
  return problem;
}

// Markdown without what is code: fences, spans, and the code elements of ours.
inline std::string without_code(std::string_view text) {
  std::string out, fence;
  while (!text.empty()) {
    auto line = std::string(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!fence.empty()) {
      fence = line == fence ? "" : fence;
      continue;
    }
    if (line.starts_with("```")) {
      fence = line.substr(0, line.find_first_not_of('`'));
      continue;
    }
    for (const auto& [from, to] : {std::pair("<code>", "</code>"), {"`", "`"}}) {
      for (auto at = line.find(from); at != std::string::npos; at = line.find(from, at)) {
        const auto close = line.find(to, at + std::string_view(from).size());
        if (close == std::string::npos) {
          break;  // stays, and is found
        }
        line.erase(at, close + std::string_view(to).size() - at);
      }
    }
    out += line + '\n';
  }
  return fence.empty() ? out : "` an open fence";
}

// Nothing that Markdown takes for more than text, but for what the page itself writes.
inline std::string problem_of_markdown(std::string_view text) {
  if (auto problem = problem_of_characters(text); !problem.empty()) {
    return problem;
  }
  const auto kept = without_code(text);
  std::string_view rest = kept;
  while (!rest.empty()) {
    auto line = std::string(rest.substr(0, rest.find('\n')));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.starts_with("| ")) {
      std::erase(line, '|');
    }
    for (const std::string_view own : {"<details>", "</details>", "<summary>", "</summary>", "**", "### ", "## "}) {
      if (line.starts_with(own)) {
        line.erase(0, own.size());
      }
      if (line.ends_with(own)) {
        line.resize(line.size() - own.size());
      }
    }
    if (line.find_first_of("<>|*_[]\\@#`~&$") != std::string::npos || line.contains("://")) {
      return "markup: " + line.substr(0, 120);
    }
  }
  return "";
}

// By the name of the format.
inline std::string problem_of(std::string_view format, const std::string& text) {
  if (format == "html") {
    return problem_of_html(text);
  }
  if (format == "junit") {
    return problem_of_junit(text);
  }
  if (format == "github") {
    return problem_of_github(text);
  }
  if (format == "markdown") {
    return problem_of_markdown(text);
  }
  return format == "text" ? problem_of_characters(text) : "";
}

}  // namespace tests

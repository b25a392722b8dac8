#include <wchar.h>

#include <algorithm>
#include <clocale>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/escape.h"
#include "forensics/analysis.h"
#include "forensics/evidence.h"
#include "forensics/html/guide.h"
#include "forensics/html/page.h"
#include "forensics/json.h"
#include "forensics/renderer.h"
#include "forensics/text_layout.h"
#include "tests/forensics/documents.h"
#include "tests/forensics/examples.h"
#include "tests/forensics/golden.h"

namespace forensics {
namespace {

std::string render(std::string_view format, const Postmortem& document, RenderOptions options = {}) {
  const auto table = all_renderers();
  return (*base::find_descriptor(table, format))->render(document, options);
}

using tests::all_documents;
using tests::nothing_found;
using tests::several;

using Document = tests::NamedDocument;

class EveryDocument : public testing::TestWithParam<Document> {};

// HTML without its style, its script and the guide, which are files of their own and would change every golden file.
std::string without_style(std::string html) {
  for (const auto& [from, to] : {std::pair("'sha256-", "'"),
                                 {"<style>", "</style>"},
                                 {"<script>", "</script>"},
                                 {"<div id=\"guide\">\n", "</div></details>"}}) {
    for (auto at = html.find(from); at != std::string::npos; at = html.find(from, at)) {
      at += std::string_view(from).size();
      html.erase(at, html.find(to, at) - at);
    }
  }
  return html;
}

TEST_P(EveryDocument, LooksAsBefore) {
  const auto document = GetParam().make();
  const std::string name = GetParam().name;
  const std::pair<std::string_view, std::string_view> formats[] = {
      {"text", ".txt"}, {"json", ".json"}, {"markdown", ".md"}, {"junit", ".xml"}, {"github", ".github"}};
  for (const auto& [format, ending] : formats) {
    const auto text = render(format, document);
    EXPECT_EQ(text, golden(name + std::string(ending), text)) << format;
  }
  const auto html = without_style(render("html", document));
  EXPECT_EQ(html, golden(name + ".html", html));
}

TEST_P(EveryDocument, ReadsBackAndRendersTheSame) {
  const auto document = GetParam().make();
  const auto back = from_json(to_json(document));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(document));
}

bool is_safe_text(std::string_view text) {
  return base::to_valid_utf8(text) == text &&
         base::escape_terminal(text).size() ==
             text.size() + 3 * static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

TEST_P(EveryDocument, TextKeepsToTheTerminal) {
  const auto document = GetParam().make();
  for (const unsigned width : {1U, 40U, 57U, 80U, 120U, 200U, 1000U}) {
    const auto text = render("text", document, {.colour = false, .width = width});
    EXPECT_TRUE(is_safe_text(text)) << text;
    const auto columns = std::clamp(width, 40U, 200U);
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      EXPECT_LE(display_width(line), columns) << line;
      EXPECT_FALSE(line.ends_with(' ')) << '"' << line << '"';
      rest.remove_prefix(line.size() + 1);
    }
  }
}

TEST_P(EveryDocument, ColourOnlyAddsSequences) {
  const auto document = GetParam().make();
  auto coloured = render("text", document, {.colour = true, .width = 80});
  for (auto at = coloured.find("\x1b["); at != std::string::npos; at = coloured.find("\x1b[")) {
    coloured.erase(at, coloured.find('m', at) - at + 1);
  }
  // Blanks before a reset stay; compare without the ends of lines.
  const auto bare = [](std::string_view text) {
    std::string out;
    for (const char c : text) {
      if (c == '\n') {
        out.resize(out.find_last_not_of(' ') + 1);
      }
      out += c;
    }
    return out;
  };
  EXPECT_EQ(bare(coloured), render("text", document));
}

INSTANTIATE_TEST_SUITE_P(Table, EveryDocument, testing::ValuesIn(all_documents().begin(), all_documents().end()),
                         [](const auto& row) { return row.param.name; });

class EveryRenderer : public testing::TestWithParam<base::Descriptor<Renderer>> {};

TEST_P(EveryRenderer, RendersEveryDocument) {
  for (const auto& document : all_documents()) {
    const auto text = GetParam()->render(document.make(), {});
    EXPECT_TRUE(text.ends_with('\n')) << document.name;
    EXPECT_EQ(base::to_valid_utf8(text), text) << document.name;
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << document.name;
  }
  EXPECT_FALSE(GetParam()->summary.empty());
}

TEST_P(EveryRenderer, HasEndingsOfItsOwn) {
  for (const auto& other : all_renderers()) {
    for (const auto ending : other->endings) {
      if (other.name != GetParam().name) {
        EXPECT_EQ(std::ranges::count(GetParam()->endings, ending), 0) << ending;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Table, EveryRenderer, testing::ValuesIn(all_renderers().begin(), all_renderers().end()),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(Ndjson, IsALinePerIncident) {
  const auto text = render("ndjson", several());
  EXPECT_EQ(std::ranges::count(text, '\n'), 3);
  std::string_view rest = text;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto line = rest.substr(0, rest.find('\n') + 1);
    const auto document = from_json(line);
    ASSERT_TRUE(document) << document.error().message;
    EXPECT_EQ(document->incidents.size(), 1U);
    EXPECT_EQ(document->warnings.size(), i == 0 ? 1U : 0U);
    rest.remove_prefix(line.size());
  }
  EXPECT_EQ(std::ranges::count(render("ndjson", tests::stress_run()), '\n'), 1);
  EXPECT_EQ(std::ranges::count(render("ndjson", nothing_found()), '\n'), 1);
}

TEST(Text, SaysWhatWasSeenWhereNothingWasFound) {
  EXPECT_EQ(render("text", nothing_found()),
            "No OOM kill found in 1235 lines of 2 inputs; what was seen: nothing that looks\nlike a log, syslog.\n");
}

TEST(HtmlGuide, KnowsEveryShapeOfOurMarkdown) {
  html::Page page("t");
  html::write_guide(page, R"(# Top

Two *soft* lines
of `a*b` and **bold `c`**.

- one
  goes on
- two & <b>

| a | b `c` |
| --- | --- |
| 1 | `x` |

```
* raw `
```
)");
  const auto whole = std::move(page).finish();
  const auto begin = whole.find("<h2>Top"), end = whole.find("<script>");
  EXPECT_EQ(
      whole.substr(begin, end - begin),
      "<h2>Top</h2>\n<p>Two <em>soft</em> lines of <code>a*b</code> and <strong>bold <code>c</code></strong>.</p>\n"
      "<ul>\n<li>one goes on</li>\n<li>two &amp; &lt;b&gt;</li>\n</ul>\n"
      "<div class=\"scroll\" role=\"region\" aria-label=\"Table\" tabindex=\"0\"><table><thead><tr><th "
      "scope=\"col\">a</th><th scope=\"col\">b <code>c</code></th></tr>\n</thead><tbody>\n<tr><td>1</td><td><code>x</"
      "code></td></tr>\n</tbody></table></div>\n"
      "<div class=\"lines\" role=\"region\" aria-label=\"Example\" tabindex=\"0\"><pre>* raw `\n</pre></div>\n");
}

TEST(HtmlGuide, LeavesNoMarkOfMarkdown) {
  html::Page page("t");
  html::write_guide(page, html::guide_text());
  const auto whole = std::move(page).finish();
  auto text = whole.substr(whole.find("<h2>"), whole.find("<script>") - whole.find("<h2>"));
  for (auto at = text.find("<pre>"); at != std::string::npos; at = text.find("<pre>", at)) {
    text.erase(at, text.find("</pre>", at) + 6 - at);
  }
  for (const char* mark : {"**", "```", "`", "\n#", "\n- ", "\n|", "---"}) {
    EXPECT_EQ(text.find(mark), std::string::npos) << mark;
  }
  EXPECT_NE(text.find("<h3>A cgroup&#39;s limit</h3>"), std::string::npos);
}

struct WidthCase {
  const char* name;
  const char* text;
  std::size_t columns;
};

class DisplayWidth : public testing::TestWithParam<WidthCase> {};

TEST_P(DisplayWidth, CountsColumns) {
  EXPECT_EQ(display_width(GetParam().text), GetParam().columns);
}

INSTANTIATE_TEST_SUITE_P(Table, DisplayWidth,
                         testing::Values(WidthCase{"ascii", "abc", 3}, WidthCase{"empty", "", 0},
                                         WidthCase{"umlaut", "ä", 1}, WidthCase{"combining", "a\u0308", 1},
                                         WidthCase{"wide", "猫x", 3}, WidthCase{"emoji", "😀", 2},
                                         WidthCase{"hangul", "한글", 4}, WidthCase{"bar", "█▏…", 3},
                                         WidthCase{"jamo", "\u1112\u1161\u11ab", 2}, WidthCase{"flag", "🇩🇪", 2},
                                         WidthCase{"family", "👩\u200d👦", 4}, WidthCase{"heart", "❤\ufe0f", 1},
                                         WidthCase{"full_width", "Ａ！", 4}, WidthCase{"half_kana", "ｱ", 1},
                                         WidthCase{"thai", "ที่", 1}, WidthCase{"arabic", "مَ", 1},
                                         WidthCase{"extension_b", "𠀀", 2}, WidthCase{"bmp_end", "\ufffd", 1},
                                         WidthCase{"last", "\U0010fffd", 1}),
                         [](const auto& row) { return row.param.name; });

// Terminals ask their C library; newer ones know some more characters.
TEST(DisplayWidthOfAll, IsThatOfTheCLibrary) {
  const auto before = std::string(std::setlocale(LC_CTYPE, nullptr));
  if (std::setlocale(LC_CTYPE, "C.UTF-8") == nullptr) {
    GTEST_SKIP() << "no locale C.UTF-8";
  }
  std::size_t known = 0, different = 0;
  for (std::uint32_t point = 0xa1; point < 0x110000; ++point) {
    const auto cells = ::wcwidth(static_cast<wchar_t>(point));
    if (cells >= 0) {
      ++known;
      different += static_cast<std::size_t>(cells) != cells_of(point) ? 1U : 0U;
    }
  }
  std::setlocale(LC_CTYPE, before.c_str());
  EXPECT_GT(known, 140'000U);
  EXPECT_LT(different, 1500U);
}

TEST(Text, AlignsNamesOfAnyWidth) {
  auto incident = tests::global_no_swap();
  const char* names[] = {"猫猫猫", "e\u0301\u0301tude", "👩\u200d👦 job", "\xff\xfe", "ascii"};
  for (std::size_t i = 0; i < incident.tasks.size(); ++i) {
    incident.tasks[i].comm = names[i];
  }
  incident.victims.front().comm = names[3];
  explain(incident);
  Postmortem document;
  document.incidents = {incident};
  for (const unsigned width : {40U, 60U, 80U, 120U, 200U}) {
    const auto text = render("text", document, {.colour = false, .width = width});
    const auto begin = text.find("  pid ");
    ASSERT_NE(begin, std::string::npos);
    auto table = std::string_view(text).substr(begin);
    table = table.substr(0, table.find("\n\n"));
    const auto header = table.substr(0, table.find('\n'));
    const auto rss_ends = display_width(header.substr(0, header.find("rss") + 3));
    std::size_t rows = 0;
    while (!table.empty()) {
      const auto line = table.substr(0, table.find('\n'));
      table.remove_prefix(std::min(line.size() + 1, table.size()));
      const auto unit = line.find("iB");
      if (unit != std::string_view::npos) {
        EXPECT_EQ(display_width(line.substr(0, unit + 2)), rss_ends) << width << ": " << line;
        ++rows;
      }
    }
    EXPECT_GE(rows, 3U) << text;
  }
}

TEST(Layout, CutsAtColumns) {
  EXPECT_EQ(fit("abcdef", 6), "abcdef");
  EXPECT_EQ(fit("abcdefg", 6), "abcde…");
  EXPECT_EQ(fit("猫猫猫", 4), "猫…");
  EXPECT_EQ(pad("猫", 4, Align::right), "  猫");
}

TEST(Layout, WrapsAtBlanksAndKeepsFigures) {
  EXPECT_THAT(wrap("one two three", 7), testing::ElementsAre("one two", "three"));
  EXPECT_THAT(wrap("limit of 64 MiB, full", 12), testing::ElementsAre("limit of", "64 MiB, full"));
  EXPECT_THAT(wrap("abcdefghij", 4), testing::ElementsAre("abcd", "efgh", "ij"));
  EXPECT_THAT(wrap("", 10), testing::ElementsAre(""));
}

TEST(Layout, DrawsBarsAndSparklines) {
  EXPECT_EQ(bar(0.5, 4), "██  ");
  EXPECT_EQ(bar(0, 3), "   ");
  EXPECT_EQ(bar(0.0001, 3), "▏  ");
  EXPECT_EQ(bar(7, 2), "██");
  EXPECT_EQ(bar(std::numeric_limits<double>::quiet_NaN(), 1), " ");
  const std::vector<std::optional<double>> values = {0, 0.5, 1, std::nullopt, 2};
  EXPECT_EQ(sparkline(values), "▁▅█ █");
}

}  // namespace
}  // namespace forensics

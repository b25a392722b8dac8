// Text from outside in every string of a document, in every format: nowhere may it be more than text.
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "forensics/json.h"
#include "forensics/markdown_page.h"
#include "forensics/renderer.h"
#include "tests/forensics/documents.h"
#include "tests/forensics/examples.h"
#include "tests/support/sound.h"

namespace forensics {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kMark = "zQz";
// What every format has a reason to fear, behind a mark that shows where it went.
const std::string kHostile =
    std::string(kMark) +
    "<\">&'</script><img src=x onerror=alert(1)>]]>|`\\@everyone #12 [a](http://e.example) <!-- --> ::error::%0A "
    "**b** \x1b[31m \xe2\x80\xae\xff\xef\xbf\xbf\n::error::x\r\n# h\n- l\n</details>\n```\n| x |";

std::string render(std::string_view format, const Postmortem& document) {
  const auto table = all_renderers();
  return (*base::find_descriptor(table, format))->render(document, {.colour = false, .width = 100});
}

// Hands out the document once for each of its strings, with that one hostile. What has to be one of a few words is
// free text for a reader of later versions, so it is in the list, too.
template <typename Use>
void for_each_string(const Json& whole, Json& at, const std::string& path, Use use) {
  if (at.is_string()) {
    const auto kept = at;
    at = path.ends_with(".realtime") ? "2025-11-21T14:22:56 " + kHostile : kHostile;
    use(path, whole);
    at = kept;
  } else if (at.is_structured()) {
    for (auto& [key, value] : at.items()) {
      for_each_string(whole, value, path + "." + key, use);
    }
  }
}

std::size_t count_of(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (auto at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) {
    ++count;
  }
  return count;
}

// Whether each mark is followed by exactly this, or by as much of it as there is before a cut.
void expect_escaped(const std::string& text, std::string_view escaped, const std::string& path) {
  for (auto at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
    const auto rest = std::string_view(text).substr(at + kMark.size(), escaped.size());
    EXPECT_TRUE(escaped.starts_with(rest.substr(0, rest.find("…")))) << path << ": " << rest;
  }
}

TEST(Hostile, InNoStringOfTheDocument) {
  auto json = Json::parse(to_json(tests::full_document()));
  std::size_t strings = 0;
  const auto lines_of_github = count_of(render("github", tests::full_document()), "\n");
  for_each_string(json, json, "", [&](const std::string& path, const Json& changed) {
    if (path.starts_with(".schema") || path.starts_with(".tool") || path.starts_with(".run.timeline")) {
      return;  // checked or not read
    }
    ++strings;
    const auto document = from_json(changed.dump(-1, ' ', false, Json::error_handler_t::replace));
    ASSERT_TRUE(document) << path << document.error().message;
    for (const auto& renderer : all_renderers()) {
      const auto text = renderer->render(*document, {.colour = false, .width = 100});
      EXPECT_EQ(::tests::problem_of(renderer.name, text), "") << renderer.name << path;
      if (renderer.name == "html") {
        expect_escaped(text, "&lt;&quot;&gt;&amp;&#39;&lt;/script&gt;&lt;img src=x", path);
      } else if (renderer.name == "github") {
        EXPECT_EQ(count_of(text, "\n"), lines_of_github) << path;
      }
    }
  });
  EXPECT_GT(strings, 100U);
}

TEST(Hostile, EveryStringReachesAPage) {
  // What no renderer shows cannot be escaped wrongly; that the names which matter are shown is what makes the test
  // above one.
  const auto html = render("html", *from_json([] {
                             auto json = Json::parse(to_json(tests::full_document()));
                             auto& incident = json["incidents"][0];
                             incident["verdict"] = "v" + kHostile;
                             incident["tasks"][0]["comm"] = "t" + kHostile;
                             incident["victims"][0]["comm"] = "k" + kHostile;
                             incident["cgroup"]["oom_memcg"] = "c" + kHostile;
                             incident["log"]["lines"][0]["text"] = "l" + kHostile;
                             incident["diagnosis"][0]["advice"][0] = "a" + kHostile;
                             return json.dump(-1, ' ', false, Json::error_handler_t::replace);
                           }()));
  for (const char* mark : {"vzQz", "tzQz", "kzQz", "czQz", "lzQz", "azQz"}) {
    EXPECT_NE(html.find(mark), std::string::npos) << mark;
  }
}

TEST(Hostile, MarkdownOfEveryDocument) {
  for (const auto& document : tests::all_documents()) {
    EXPECT_EQ(::tests::problem_of_markdown(render("markdown", document.make())), "") << document.name;
  }
}

struct ProseCase {
  const char* name;
  const char* text;
  const char* markdown;
};

class MarkdownProse : public testing::TestWithParam<ProseCase> {};

TEST_P(MarkdownProse, IsText) {
  EXPECT_EQ(markdown_prose(GetParam().text), GetParam().markdown);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MarkdownProse,
    testing::Values(
        ProseCase{"plain", "a.out (pid 3652) was killed; 78 % of it was memory.",
                  "a.out (pid 3652) was killed; 78 % of it was memory."},
        ProseCase{"nothing", "", ""}, ProseCase{"blanks", "  a  ", "a"},
        ProseCase{"path", "limit of /docker/ab12, next", "limit of `/docker/ab12`, next"},
        ProseCase{"names", "set oom_score_adj to 0", "set `oom_score_adj` to 0"},
        ProseCase{"code", "run `a b` now", "run `a b` now"},
        ProseCase{"open_backtick", "run `a b", "run <code>&#96;a</code> b"},
        ProseCase{"mention", "by @root", "by `@root`"}, ProseCase{"issue", "see #12 and GH-7", "see `#12` and `GH-7`"},
        ProseCase{"link", "at https://e.example/x now", "at `https://e.example/x` now"},
        ProseCase{"www", "at www.e.example", "at `www.e.example`"},
        ProseCase{"mail", "to a@e.example", "to `a@e.example`"},
        ProseCase{"commit", "at deadbeef1234", "at `deadbeef1234`"}, ProseCase{"digits", "at 1234567", "at 1234567"},
        ProseCase{"emoji", "a :+1: b", "a `:+1`: b"}, ProseCase{"html", "<b>x</b>", "`<b>x</b>`"},
        ProseCase{"entity", "a &amp; b", "a `&amp`; b"}, ProseCase{"pipe", "a|b", "<code>a&#124;b</code>"},
        ProseCase{"backslash", "a\\*b", "<code>a&#92;&#42;b</code>"}, ProseCase{"math", "$x$", "`$x$`"},
        ProseCase{"heading", "# x", "`#` x"}, ProseCase{"list", "1. x", "`1`. x"}, ProseCase{"bullet", "- x", "`-` x"},
        ProseCase{"size", "1.5 GiB", "`1.5` GiB"}, ProseCase{"later_size", "of 1.5 GiB", "of 1.5 GiB"},
        ProseCase{"control", "a\x1b[1mb\nc", "<code>a&#92;x1b&#91;1mb&#92;x0ac</code>"},
        ProseCase{"umlaut", "Käse 猫", "Käse 猫"}, ProseCase{"wide_at", "＠x", "＠x"}),
    [](const auto& row) { return row.param.name; });

TEST(MarkdownCode, HoldsAnything) {
  EXPECT_EQ(markdown_code("a b"), "`a b`");
  EXPECT_EQ(markdown_code(""), "<code></code>");
  EXPECT_EQ(markdown_code(" a"), "<code>&#32;a</code>");
  EXPECT_EQ(markdown_code("a  b"), "<code>a &#32;b</code>");
  EXPECT_EQ(markdown_code("`"), "<code>&#96;</code>");
}

TEST(MarkdownPageTest, FencesAreLongerThanWhatTheyHold) {
  MarkdownPage page;
  page.collapsed("lines", {"````", "</details>"});
  EXPECT_EQ(std::move(page).finish(),
            "<details>\n<summary>lines</summary>\n\n`````text\n````\n</details>\n`````\n\n</details>\n");
}

}  // namespace
}  // namespace forensics

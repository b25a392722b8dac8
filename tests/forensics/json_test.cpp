#include "forensics/json.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/forensics/examples.h"

namespace forensics {
namespace {

using Json = nlohmann::ordered_json;

// Numbers of the document as an independent parser reads them.
Json parsed(const Postmortem& document, Layout layout = Layout::pretty) {
  return Json::parse(to_json(document, layout));
}

TEST(ToJson, EmptyDocumentHoldsEveryMember) {
  EXPECT_EQ(to_json(Postmortem{}),
            "{\n"
            "  \"schema\": \"oomlab.postmortem/1\",\n"
            "  \"tool\": {\n    \"name\": \"oomlab\",\n    \"version\": \"" OOMLAB_VERSION
            "\"\n  },\n"
            "  \"inputs\": [],\n"
            "  \"run\": null,\n"
            "  \"incidents\": [],\n"
            "  \"episodes\": [],\n"
            "  \"reconciliation\": [],\n"
            "  \"warnings\": []\n"
            "}\n");
}

TEST(ToJson, OneLineIsOneLine) {
  const auto line = to_json(tests::full_document(), Layout::line);
  EXPECT_EQ(std::ranges::count(line, '\n'), 1);
  EXPECT_EQ(line.back(), '\n');
  EXPECT_EQ(Json::parse(line), parsed(tests::full_document()));
}

TEST(ToJson, NothingIsNullNeverLeftOut) {
  Postmortem document;
  document.incidents.emplace_back();
  document.run.emplace();
  const auto json = parsed(document);
  const auto& incident = json["incidents"][0];
  EXPECT_TRUE(incident.contains("cgroup") && incident["cgroup"].is_null());
  EXPECT_TRUE(incident["trigger"].contains("gfp_mask") && incident["trigger"]["gfp_mask"].is_null());
  EXPECT_TRUE(incident["analysis"].contains("victim_rank") && incident["analysis"]["victim_rank"].is_null());
  EXPECT_TRUE(json["run"].contains("vm") && json["run"]["vm"].is_null());
  EXPECT_TRUE(json["run"].contains("expectation") && json["run"]["expectation"].is_null());
  EXPECT_EQ(json["run"]["memory"]["pressure"].size(), 2U);
}

TEST(ToJson, TimelineIsColumnsAndRows) {
  Postmortem document;
  document.run.emplace();
  using namespace std::chrono_literals;
  document.run->timeline = {{.t = 1500us, .memory = 4096, .swap = 0, .psi_some = 20us},
                            {.t = 2s, .memory = 8192, .kernel = 1}};
  const auto text = to_json(document);
  EXPECT_NE(
      text.find(
          R"("columns": ["t_s", "memory_bytes", "swap_bytes", "anon_bytes", "file_bytes", "shmem_bytes", "kernel_bytes", "psi_some_s", "psi_full_s"])"),
      std::string::npos);
  EXPECT_NE(text.find("[0.0015, 4096, 0, null, null, null, null, 0.00002, null],"), std::string::npos) << text;
  EXPECT_NE(text.find("[2, 8192, null, null, null, null, 1, null, null]"), std::string::npos) << text;
}

struct TextCase {
  const char* name;
  std::string raw;
  std::string written;
};

class ToJsonText : public testing::TestWithParam<TextCase> {};

TEST_P(ToJsonText, IsEscaped) {
  Postmortem document;
  document.inputs.push_back({.name = GetParam().raw});
  const auto text = to_json(document);
  EXPECT_NE(text.find("{\"name\": \"" + GetParam().written + "\""), std::string::npos) << text;
  EXPECT_TRUE(Json::accept(text));
}

INSTANTIATE_TEST_SUITE_P(
    Table, ToJsonText,
    testing::Values(TextCase{"plain", "a.out", "a.out"}, TextCase{"quote", "a\"b\\c", R"(a\"b\\c)"},
                    TextCase{"escape_sequence", "\x1b[31mred", R"(\u001b[31mred)"},
                    TextCase{"newline_tab", "a\nb\tc\rd", R"(a\nb\tc\rd)"},
                    TextCase{"nul", std::string("a\0b", 3), R"(a\u0000b)"}, TextCase{"utf8", "käse 猫", "käse 猫"},
                    TextCase{"invalid_utf8", "cut\xe7\x8c", R"(cut\\xe7\\x8c)"},
                    TextCase{"overlong", "\xc0\xaf", R"(\\xc0\\xaf)"},
                    TextCase{"surrogate", "\xed\xa0\x80", R"(\\xed\\xa0\\x80)"},
                    TextCase{"script", "</script>", "</script>"}, TextCase{"delete", "\x7f", R"(\u007f)"}),
    [](const auto& row) { return row.param.name; });

TEST(ToJson, NumbersThatJsonDoesNotKnowAreNull) {
  Postmortem document;
  document.incidents.emplace_back().time.monotonic_s = std::numeric_limits<double>::infinity();
  EXPECT_TRUE(parsed(document)["incidents"][0]["time"]["monotonic_s"].is_null());
}

TEST(ToJson, LargestNumbersSurvive) {
  Postmortem document;
  document.inputs.push_back({.name = "x", .bytes = std::numeric_limits<std::uint64_t>::max()});
  EXPECT_NE(to_json(document).find("18446744073709551615"), std::string::npos);
}

struct RoundTrip {
  const char* name;
  Postmortem document;
};

TEST(FromJson, RoundTripsEveryMember) {
  for (const auto& document : {tests::full_document(), Postmortem{}, tests::sparse_document()}) {
    const auto text = to_json(document);
    const auto back = from_json(text);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(to_json(*back), text);
  }
}

// A byte that is no UTF-8 is written as four characters, and read back as these: the line must break alike for both.
TEST(FromJson, RoundTripsAListOfWhatIsNoUtf8) {
  Postmortem document;
  document.incidents.emplace_back().trigger.gfp_mask = GfpMask{.flags = {std::string(40, '\xff')}};
  const auto json = to_json(document);
  const auto back = from_json(json);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), json);
}

TEST(FromJson, IgnoresWhatItDoesNotKnow) {
  auto json = parsed(tests::full_document());
  json["later"] = {{"deep", {1, 2, 3}}};
  json["incidents"][0]["tasks"][0]["cpu_time_s"] = 1.5;
  json["run"]["timeline"]["columns"].push_back("zswap_bytes");
  const auto back = from_json(json.dump());
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(to_json(*back), to_json(tests::full_document()));
}

struct ErrorCase {
  const char* name;
  const char* text;
  const char* message;
};

class FromJsonError : public testing::TestWithParam<ErrorCase> {};

TEST_P(FromJsonError, NamesTheMember) {
  const auto back = from_json(GetParam().text);
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().kind, base::ErrorKind::parse);
  EXPECT_EQ(back.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, FromJsonError,
    testing::Values(
        ErrorCase{"list", "[]", "document: expected a post-mortem object, got an array"},
        ErrorCase{"no_schema", "{}", "schema: expected \"oomlab.postmortem/1\", which is missing"},
        ErrorCase{"other_schema", R"({"schema":"oomlab.postmortem/2"})",
                  "schema: expected \"oomlab.postmortem/1\", got \"oomlab.postmortem/2\""},
        ErrorCase{"schema_type", R"({"schema":1})", "schema: expected a string, got 1"},
        ErrorCase{"deep", R"({"schema":"oomlab.postmortem/1","incidents":[{},{"tasks":[{"pid":1},{"pid":"x"}]}]})",
                  "incidents[1].tasks[1].pid: expected a whole number, got \"x\""},
        ErrorCase{"null_list", R"({"schema":"oomlab.postmortem/1","incidents":null})",
                  "incidents: expected a list, got null"},
        ErrorCase{"negative_size", R"({"schema":"oomlab.postmortem/1","inputs":[{"bytes":-1}]})",
                  "inputs[0].bytes: expected a whole number from 0, got -1"},
        ErrorCase{"fraction", R"({"schema":"oomlab.postmortem/1","inputs":[{"bytes":1.5}]})",
                  "inputs[0].bytes: expected a whole number, got 1.5"},
        ErrorCase{"too_large",
                  R"({"schema":"oomlab.postmortem/1","incidents":[{"trigger":{"pid":18446744073709551615}}]})",
                  "incidents[0].trigger.pid: expected a whole number in range, got 18446744073709551615"},
        ErrorCase{"counter", R"({"schema":"oomlab.postmortem/1","incidents":[{"cgroup":{"stat":{"anon":"1"}}}]})",
                  "incidents[0].cgroup.stat.anon: expected a whole number, got \"1\""},
        ErrorCase{"row", R"({"schema":"oomlab.postmortem/1","run":{"timeline":{"columns":["t_s"],"rows":[[true]]}}})",
                  "run.timeline.rows[0][0]: expected a number of seconds or null, got true"}),
    [](const auto& row) { return row.param.name; });

TEST(FromJson, SaysWhereTheTextIsNotJson) {
  const auto back = from_json("{\"schema\": ");
  ASSERT_FALSE(back);
  EXPECT_TRUE(back.error().message.starts_with("not JSON: parse error at line 1, column 12")) << back.error().message;
}

TEST(FromJson, SurvivesDeepNesting) {
  const std::string deep(200'000, '[');
  EXPECT_FALSE(from_json(deep));
  EXPECT_FALSE(from_json(R"({"schema":"oomlab.postmortem/1","inputs":)" + std::string(100'000, '[') +
                         std::string(100'000, ']') + "}"));
}

}  // namespace
}  // namespace forensics

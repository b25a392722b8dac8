#include "forensics/kept.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "forensics/json.h"
#include "forensics/renderer.h"
#include "tests/forensics/documents.h"
#include "tests/forensics/examples.h"

namespace forensics {
namespace {

using Json = nlohmann::ordered_json;

std::string render(std::string_view format, const Postmortem& document) {
  const auto table = all_renderers();
  return (*base::find_descriptor(table, format))->render(document, {});
}

TEST(ReadKept, OneDocument) {
  const auto documents = read_kept(to_json(tests::full_document()));
  ASSERT_TRUE(documents) << documents.error().message;
  ASSERT_EQ(documents->size(), 1U);
  EXPECT_EQ(to_json(documents->front()), to_json(tests::full_document()));
}

TEST(ReadKept, LinesOfNdjsonBecomeWhatTheyWereMadeFrom) {
  const auto whole = tests::several();
  auto documents = read_kept(render("ndjson", whole));
  ASSERT_TRUE(documents) << documents.error().message;
  EXPECT_EQ(documents->size(), 3U);
  const auto merged = merge(*std::move(documents));
  ASSERT_TRUE(merged);
  EXPECT_EQ(to_json(*merged), to_json(whole));
}

TEST(ReadKept, OneLineIsOneDocument) {
  const auto documents = read_kept(to_json(tests::stress_run(), Layout::line));
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->size(), 1U);
}

struct BadCase {
  const char* name;
  std::string text;
  const char* message;
};

class ReadKeptError : public testing::TestWithParam<BadCase> {};

TEST_P(ReadKeptError, SaysWhatIsWrong) {
  const auto documents = read_kept(GetParam().text);
  ASSERT_FALSE(documents);
  EXPECT_TRUE(documents.error().message.starts_with(GetParam().message)) << documents.error().message;
  EXPECT_EQ(documents.error().message.find('\n'), std::string::npos);
}

std::string cut(const std::string& text) {
  return text.substr(0, text.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReadKeptError,
    testing::Values(BadCase{"empty", "", "not JSON: parse error at line 1, column 1"},
                    BadCase{"cut", cut(to_json(tests::full_document())), "not JSON: parse error at line "},
                    BadCase{"cut_line", cut(to_json(tests::full_document(), Layout::line)),
                            "not JSON: parse error at line 1, column "},
                    BadCase{"foreign", R"({"name": "x", "version": 1})", "schema: expected"},
                    BadCase{"log", "[    1.0] a.out invoked oom-killer: order=0\n", "not JSON"},
                    BadCase{"second_line", render("ndjson", tests::nothing_found()) + "{\"schema\": 1}\n",
                            "line 2: schema: expected a string, got 1"},
                    BadCase{"cut_second_line", render("ndjson", tests::nothing_found()) + "{\"schema\"\n",
                            "line 2: not JSON"}),
    [](const auto& row) { return row.param.name; });

TEST(Merge, MovesWhatPointsAtInputsAndIncidents) {
  auto a = tests::several();
  a.episodes = {{.code = "repeated", .incidents = {0, 2}}};
  a.reconciliation = {{.source = "vmstat"}};
  auto b = tests::nothing_found();
  b.incidents = {tests::global_no_swap()};
  b.incidents[0].log.input = 1;
  b.warnings = {{.code = "w", .message = "m", .input = 0, .line = 3},
                {.code = "w", .message = "n", .input = {}, .line = {}}};
  b.episodes = {{.code = "storm", .incidents = {0}}};
  const auto merged = merge({a, b});
  ASSERT_TRUE(merged);
  ASSERT_EQ(merged->inputs.size(), 3U);
  ASSERT_EQ(merged->incidents.size(), 4U);
  EXPECT_EQ(merged->incidents[3].log.input, 2U);
  EXPECT_EQ(merged->inputs[merged->incidents[3].log.input].name, "b.bin");
  EXPECT_EQ(merged->warnings[1].input, 1U);
  EXPECT_FALSE(merged->warnings[2].input);
  EXPECT_EQ(merged->episodes[0].incidents, (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(merged->episodes[1].incidents, (std::vector<std::size_t>{3}));
  EXPECT_EQ(merged->reconciliation.size(), 1U);
}

TEST(Merge, RunsStandAlone) {
  EXPECT_TRUE(merge({tests::stress_run()}));
  const auto merged = merge({tests::stress_run(), tests::nothing_found()});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().kind, base::ErrorKind::usage);
}

// Members, words and columns that a later minor version adds.
TEST(ReadKept, ALaterMinorVersionStillRenders) {
  auto json = Json::parse(to_json(tests::full_document()));
  json["tool"]["version"] = "9.0.0";
  json["later"] = {{"deep", {1, 2, 3}}};
  json["run"]["outcome"]["verdict"] = "frozen";
  json["run"]["backend"] = "cloud";
  json["run"]["timeline"]["columns"].push_back("zswap_bytes");
  auto& incident = json["incidents"][0];
  incident["kind"] = "memory_tier_kill";
  incident["scope"] = "tier";
  incident["killer"] = "tierd";
  incident["missing"].push_back("tiers");
  incident["victims"][0]["role"] = "demoted";
  incident["victims"][0]["tier"] = 2;
  incident["analysis"]["breakdown"][0]["part"] = "tier2";
  incident["analysis"]["allocation_path"] = "tier_demotion";
  incident["log"]["lines"][0]["kind"] = "tier_line";
  incident["diagnosis"][0]["links"] = {"x"};
  incident["diagnosis"][0]["role"] = "aside";
  const auto documents = read_kept(json.dump());
  ASSERT_TRUE(documents) << documents.error().message;
  for (const auto& renderer : all_renderers()) {
    const auto text = renderer->render(documents->front(), {});
    EXPECT_TRUE(text.ends_with('\n')) << renderer.name;
    EXPECT_NE(text.find("frozen"), std::string::npos) << renderer.name << text;
  }
  const auto text = render("text", documents->front());
  EXPECT_NE(text.find("Incident (memory_tier_kill): "), std::string::npos) << text;
  EXPECT_NE(text.find("tier2"), std::string::npos) << text;
}

}  // namespace
}  // namespace forensics

#include "cli/output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/json.h"

namespace cli {
namespace {

class Outputs : public testing::Test {
 protected:
  Outputs() : scratch_(*base::ScratchDir::create("output-test")) {}
  [[nodiscard]] std::string in_scratch(std::string_view name) const { return scratch_.path() / name; }
  base::ScratchDir scratch_;
};

TEST_F(Outputs, EndingsPickTheFormat) {
  const auto checked =
      check_outputs({in_scratch("a.json"), in_scratch("b.txt"), in_scratch("c.ndjson"), "-"}, std::nullopt);
  ASSERT_TRUE(checked) << checked.error().message;
  ASSERT_EQ(checked->size(), 4U);
  EXPECT_EQ((*checked)[0].format, "json");
  EXPECT_EQ((*checked)[1].format, "text");
  EXPECT_EQ((*checked)[2].format, "ndjson");
  EXPECT_EQ((*checked)[3].format, "text");
}

TEST_F(Outputs, FormatIsForStandardOutputAndUnknownEndings) {
  const auto checked = check_outputs({in_scratch("a.json"), in_scratch("b.log"), "-"}, "ndjson");
  ASSERT_TRUE(checked) << checked.error().message;
  EXPECT_EQ((*checked)[0].format, "json");
  EXPECT_EQ((*checked)[1].format, "ndjson");
  EXPECT_EQ((*checked)[2].format, "ndjson");
}

TEST_F(Outputs, NothingAskedForIsTheStandardFormat) {
  EXPECT_EQ(check_outputs({}, std::nullopt)->front().format, "text");
  EXPECT_EQ(check_outputs({}, "json")->front().path, "-");
  EXPECT_TRUE(check_outputs({}, std::nullopt, "")->empty());
}

TEST_F(Outputs, RefusalsAreOneLine) {
  const auto message = [](const std::vector<std::string>& outputs, const std::optional<std::string>& format = {}) {
    const auto checked = check_outputs(outputs, format);
    if (checked) {
      return std::string("accepted");
    }
    EXPECT_EQ(checked.error().kind, base::ErrorKind::usage);
    EXPECT_EQ(checked.error().message.find('\n'), std::string::npos);
    return checked.error().message;
  };
  EXPECT_EQ(message({"/nonexistent-folder/p.json"}),
            "-o /nonexistent-folder/p.json: the folder '/nonexistent-folder' does not exist");
  EXPECT_EQ(check_outputs({"/nonexistent folder/p.json"}, {}).error().remedy, "mkdir -p '/nonexistent folder'");
  EXPECT_TRUE(
      message({in_scratch("p.foo")})
          .ends_with(
              "picks no format; accepted: .html .htm .json .xml .md .markdown .ndjson .jsonl .txt (or give --format)"))
      << message({in_scratch("p.foo")});
  EXPECT_EQ(message({in_scratch(".json")}).find("accepted:") != std::string::npos,
            true);  // a name that is only an ending
  EXPECT_EQ(message({}, "yaml"), "--format: 'yaml' is not one of: github, html, json, junit, markdown, ndjson, text");
  EXPECT_EQ(message({scratch_.path()}), "-o: '" + scratch_.path().string() + "' is a folder");
  EXPECT_EQ(message({in_scratch("a.json"), in_scratch("a.json")}), "-o " + in_scratch("a.json") + ": given twice");
  EXPECT_EQ(message({""}), "-o: the name is empty");
}

TEST_F(Outputs, AreWrittenAsOneStep) {
  const auto path = in_scratch("p.json");
  ASSERT_TRUE(base::write_file_atomic(path, "old"));
  ASSERT_TRUE(write_document(forensics::Postmortem{}, {path, in_scratch("p.txt")}, std::nullopt));
  EXPECT_EQ(*base::read_all(path), forensics::to_json(forensics::Postmortem{}));
  EXPECT_FALSE(base::read_all(in_scratch("p.txt"))->empty());
}

// The variable as the test wants it, and as it was afterwards.
class JobSummary : public Outputs {
 protected:
  JobSummary() { ::setenv("GITHUB_STEP_SUMMARY", path_.c_str(), 1); }
  ~JobSummary() override { ::unsetenv("GITHUB_STEP_SUMMARY"); }
  std::string path_ = in_scratch("summary.md");
};

TEST_F(JobSummary, IsAddedToWithTheFormatOfGithubOnly) {
  ASSERT_TRUE(base::write_file_atomic(path_, "another step\n"));
  ASSERT_TRUE(write_document(forensics::Postmortem{}, {in_scratch("p.json")}, std::nullopt));
  EXPECT_EQ(*base::read_all(path_), "another step\n");
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(write_document(forensics::Postmortem{}, {in_scratch("p.log")}, "github"));
  }
  const std::string mine = "No OOM kill found in 0 lines; what was seen: no input.\n\n";
  EXPECT_EQ(*base::read_all(path_), "another step\n" + mine + mine);
  EXPECT_EQ(*base::read_all(in_scratch("p.log")),
            "::notice title=oomlab::No OOM kill found in 0 lines; what was seen: no input.\n");
}

TEST_F(JobSummary, ThatCannotBeOpenedIsAnErrorBeforeTheWork) {
  ::setenv("GITHUB_STEP_SUMMARY", "/nonexistent-folder/s.md", 1);
  auto outputs = check_outputs({}, "github");
  ASSERT_TRUE(outputs);
  const auto opened = open_outputs(*outputs);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().message, "GITHUB_STEP_SUMMARY: /nonexistent-folder/s.md: No such file or directory");
}

}  // namespace
}  // namespace cli

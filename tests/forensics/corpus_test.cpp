// Properties over real logs, which are kept beside the source tree.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/json.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

std::vector<std::filesystem::path> corpus() {
  const char* const elsewhere = std::getenv("OOMLAB_CORPUS");
  const auto folder = elsewhere != nullptr ? std::filesystem::path(elsewhere)
                                           : std::filesystem::path(OOMLAB_SOURCE_DIR) / "../shared/corpus";
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".log") {
      files.push_back(entry.path());
    }
  }
  std::ranges::sort(files);
  return files;
}

std::multiset<std::int64_t> victims_of(const Postmortem& document) {
  std::multiset<std::int64_t> pids;
  for (const auto& incident : document.incidents) {
    for (const auto& victim : incident.victims) {
      pids.insert(victim.pid);
    }
  }
  return pids;
}

TEST(Corpus, CutAtManyBytesVictimsAreASubset) {
  const auto files = corpus();
  if (files.empty()) {
    GTEST_SKIP() << "the corpus of real logs is not beside the source tree (../shared/corpus)";
  }
  for (const auto& file : files) {
    SCOPED_TRACE(file.filename());
    const auto text = base::read_all(file);
    ASSERT_TRUE(text);
    const auto whole = victims_of(testing::parse_text(*text));
    constexpr std::size_t kCuts = 24;
    for (std::size_t i = 1; i < kCuts; ++i) {
      const auto at = text->size() * i / kCuts + i % 7;
      SCOPED_TRACE(at);
      for (const auto& part : {text->substr(0, at), text->substr(std::min(at, text->size()))}) {
        const auto document = testing::parse_text(part);
        EXPECT_FALSE(to_json(document).empty());
        const auto found = victims_of(document);
        const std::set<std::int64_t> distinct(found.begin(), found.end());
        EXPECT_TRUE(std::ranges::all_of(distinct, [&](std::int64_t pid) { return whole.contains(pid); }));
      }
    }
  }
}

TEST(Corpus, CarriageReturnsAndQuotesChangeNothing) {
  const auto files = corpus();
  if (files.empty()) {
    GTEST_SKIP() << "the corpus of real logs is not beside the source tree (../shared/corpus)";
  }
  for (const auto& file : files) {
    SCOPED_TRACE(file.filename());
    const auto text = base::read_all(file);
    ASSERT_TRUE(text);
    std::string dos, quoted = "> ";
    for (const char c : *text) {
      dos += c == '\n' ? "\r\n" : std::string(1, c);
      quoted += c;
      quoted += c == '\n' ? "> " : "";
    }
    const auto whole = to_json(testing::parse_text(*text));
    auto other = testing::parse_text(dos);
    other.inputs[0].bytes = text->size();
    EXPECT_EQ(to_json(other), whole);
    EXPECT_EQ(victims_of(testing::parse_text(quoted)), victims_of(testing::parse_text(*text)));
  }
}

}  // namespace
}  // namespace forensics

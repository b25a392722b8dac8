// Reports that real kernels wrote (tests/fixtures/logs/make makes them anew): each read whole, with what was provoked.
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/analyze.h"

namespace forensics {
namespace {

struct VmLogCase {
  const char* name;
  const char* kind;
  const char* scope;
  std::vector<std::string> victims;  // names, the selected one first
  const char* dominant;
  std::int64_t levels_above_victim;
};

class VmLog : public testing::TestWithParam<std::tuple<const char*, VmLogCase>> {};

TEST_P(VmLog, IsReadWhole) {
  const auto& [kernel, row] = GetParam();
  const auto path = fmt::format("{}/tests/fixtures/logs/{}/{}.kmsg", OOMLAB_SOURCE_DIR, kernel, row.name);
  std::vector<Source> sources(1);
  sources[0].name = row.name;
  auto fd = base::open_for_reading(path);
  ASSERT_TRUE(fd) << fd.error().message;
  sources[0].fd = std::move(*fd);
  const auto document = analyze(sources);
  ASSERT_TRUE(document);
  EXPECT_EQ(document->inputs.at(0).carrier, "kmsg");
  ASSERT_EQ(document->incidents.size(), 1U);
  const auto& incident = document->incidents[0];
  EXPECT_EQ(incident.kind, row.kind);
  EXPECT_EQ(incident.scope, row.scope);
  EXPECT_TRUE(incident.complete);
  EXPECT_TRUE(incident.missing.empty());
  EXPECT_TRUE(incident.log.unrecognized.empty());
  ASSERT_TRUE(incident.kernel.release);
  EXPECT_TRUE(incident.kernel.release->starts_with(kernel)) << *incident.kernel.release;
  std::vector<std::string> victims;
  for (const auto& victim : incident.victims) {
    victims.push_back(victim.comm.value_or("?"));
  }
  EXPECT_EQ(victims, row.victims);
  ASSERT_FALSE(incident.analysis.breakdown.empty());
  EXPECT_EQ(incident.analysis.breakdown[0].part, row.dominant);
  EXPECT_EQ(incident.analysis.victim_rank, 1);
  EXPECT_EQ(incident.analysis.victim_explained, true);
  if (row.scope == std::string("memcg")) {
    ASSERT_TRUE(incident.analysis.limit_owner);
    EXPECT_EQ(incident.analysis.limit_owner->levels_above_victim, row.levels_above_victim);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Table, VmLog,
    testing::Combine(testing::Values("6.1", "6.12"),
                     testing::Values(VmLogCase{"memcg", "oom_kill", "memcg", {"oomlab-anon"}, "anon", 0},
                                     VmLogCase{"tmpfs", "oom_kill", "memcg", {"oomlab-tmpfs"}, "shmem", 0},
                                     VmLogCase{"nested", "oom_kill", "memcg", {"tail"}, "anon", 1},
                                     VmLogCase{
                                         "oom-group", "oom_kill", "memcg", {"tail", "sh", "sleep", "sleep"}, "anon", 0},
                                     VmLogCase{"global", "oom_kill", "global", {"tail"}, "anon", 0},
                                     VmLogCase{"names", "oom_kill", "memcg", {"a),pid=1 \x1b[31m"}, "anon", 0})),
    [](const auto& row) {
      auto name = fmt::format("{}_{}", std::get<0>(row.param), std::get<1>(row.param).name);
      for (auto& c : name) {
        c = c == '.' || c == '-' ? '_' : c;
      }
      return name;
    });

// A storm that filled the ring buffer: its first report has lost its head, its last its tail, and none has a victim.
TEST(VmLogStorm, HasNoVictimAndSaysWhatIsMissing) {
  for (const char* kernel : {"6.1", "6.12"}) {
    std::vector<Source> sources(1);
    auto bytes = base::read_all(fmt::format("{}/tests/fixtures/logs/{}/no-victim.kmsg", OOMLAB_SOURCE_DIR, kernel));
    ASSERT_TRUE(bytes);
    sources[0].bytes = std::move(*bytes);
    const auto document = analyze(sources);
    ASSERT_TRUE(document);
    ASSERT_GE(document->incidents.size(), 2U);
    EXPECT_EQ(document->incidents[0].missing.front(), "trigger");
    EXPECT_EQ(document->incidents[1].kind, "no_victim");
    EXPECT_TRUE(document->incidents[1].complete);
    EXPECT_GT(document->incidents[1].repeats, 1U);
    for (const auto& incident : document->incidents) {
      EXPECT_TRUE(incident.victims.empty());
    }
  }
}

}  // namespace
}  // namespace forensics
